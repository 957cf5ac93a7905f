//! What an enum says of its values of before is kept apart from what it is.

use pontoon::SqlType;

#[derive(pontoon::Enum)]
#[enumeration(dropped("late", "odd", becomes = "finished"), dropped("never used"))]
#[allow(dead_code)]
enum State {
    #[enumeration(renamed_from = "begun")]
    Open,
    #[value("finished")]
    #[enumeration(renamed_from = "done")]
    Ended,
    New,
}

fn main() {
    let it = State::ENUM.unwrap();
    assert_eq!(it.values, ["open", "finished", "new"]);
    assert_eq!(it.renamed, [("open", "begun"), ("finished", "done")]);
    let dropped: Vec<_> = it.dropped.iter().map(|it| (it.value, it.becomes)).collect();
    assert_eq!(dropped, [("late", Some("finished")), ("odd", Some("finished")), ("never used", None)]);
}
