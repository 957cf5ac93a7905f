//! PostgreSQL: sessions that were there before a column got another type under its name. They have compiled the trigger
//! functions of its table with the type of before, and go on writing.

use pontoon::Dialect;
use pontoon::exec::Options;

use crate::support::{Fresh, number, run};

/// A trigger of the user's own, which Pontoon knows nothing of.
const OWN: &str = "CREATE TABLE noted (a text); \
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO noted SELECT NEW.a || ' seen'; RETURN NEW; END $$; \
     CREATE TRIGGER note BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION note()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_writes_on_through_a_swap_and_back() {
    let case = crate::cases::change_type(Dialect::Postgres);
    let history = crate::operations::history(&case, Dialect::Postgres);
    let db = Fresh::new(Dialect::Postgres).await;
    db.runner_with(history[..1].to_vec(), Options::default()).up().await.unwrap();
    let mut old = db.connect().await;
    run(&mut old, OWN).await;
    let runner = db.runner_with(history, Options::default());
    let mut id = 0;
    let mut write = async |when: &str| {
        id += 1;
        let written = old.execute(format!("INSERT INTO things (id, a) VALUES ({id}, {id})")).await;
        written.unwrap_or_else(|error| panic!("{when}: {error}"));
    };
    write("before").await;
    runner.expand().await.unwrap();
    write("in expand").await;
    runner.backfill().await.unwrap();
    runner.validate().await.unwrap();
    write("when the columns have changed places").await;
    runner.undo().await.unwrap();
    write("when they have changed back").await;
    assert_eq!(number(&mut old, "SELECT count(*) FROM noted").await, 4);
    db.end().await;
}
