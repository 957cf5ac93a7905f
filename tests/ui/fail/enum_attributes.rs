//! What an enum cannot be.

#[derive(pontoon::Enum)]
#[enumeration(nme = "state")]
enum State {
    Open,
    #[value("open")]
    Opened,
    #[value("done ")]
    Done,
    #[value(3)]
    Third,
    Since(i64),
    HTTPError,
    #[value("tls")]
    TLS,
}

#[derive(pontoon::Enum)]
#[enumeration(dropped("late", "gone", becomes = "over"), dropped(), dropped("ready", become = "open"), dropped("ready"))]
enum Progress {
    Open,
    #[enumeration(renamed_from = "open", renamed_from = "opened")]
    Started,
    #[enumeration(renamed_from = "late")]
    Finished,
    #[enumeration(name = "x")]
    Late,
}

#[derive(pontoon::Enum)]
enum Nothing {}

#[derive(pontoon::Enum)]
struct NoEnum {
    id: i64,
}

#[derive(pontoon::Table)]
struct Thing {
    #[column(primary_key)]
    id: i64,
    state: State,
}

fn main() {}
