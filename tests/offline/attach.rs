//! What is in the way of a table that is to become a partition.

use pontoon::def::TableDef;
use pontoon::plan::plan;
use pontoon::schema::{Intents, from_defs};
use pontoon::{Dialect, Table};

macro_rules! old {
    ($($body:tt)*) => {{
        #[derive(Table)]
        #[table(name = "events_old")]
        #[allow(dead_code)]
        struct Old { $($body)* }
        Old::DEF
    }};
}

macro_rules! events {
    (($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "events", partition_by(range("id"), only = "postgres"), $($attr)*)]
        #[allow(dead_code)]
        struct Event { $($body)* }
        Event::DEF
    }};
}

macro_rules! body {
    ($macro:ident $($attr:tt)*) => {
        $macro!($($attr)* { #[column(primary_key)] id: i64, a: i32 })
    };
}

fn plain() -> TableDef {
    old!(#[column(primary_key)] id: i64, a: i32)
}

fn before() -> TableDef {
    body!(events())
}

fn after() -> TableDef {
    body!(events(partition(name = "events_old", from = "1", to = "100", attach)))
}

fn said_with(before: &[TableDef], after: &[TableDef], dialect: Dialect, more: impl FnOnce(&mut Intents)) -> String {
    let model = |defs: &[TableDef]| from_defs(&defs.iter().collect::<Vec<_>>()).unwrap();
    let (target, mut intents) = model(after);
    more(&mut intents);
    match plan("0002_x", &model(before).0, &target, &intents, dialect) {
        Ok(_) => "nothing is in the way".to_owned(),
        Err(errors) => {
            let errors = errors.0.into_iter().map(|it| format!("{}; {}", it.message, it.help));
            errors.collect::<Vec<_>>().join("\n")
        }
    }
}

fn said(before: &[TableDef], after: &[TableDef]) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| said_with(before, after, dialect, |_| {}));
    assert_eq!(postgres, mysql);
    postgres
}

#[test]
fn what_a_partition_is_not() {
    let other_columns = old!(#[column(primary_key)] id: i64, a: Option<i64>, b: i32);
    assert_eq!(
        said(&[before(), other_columns], &[after()]),
        "table `events_old` becomes a partition of `events`, and column `events.a` has another type there; make both the same in a \
         migration before this one\n\
         table `events_old` becomes a partition of `events`, and column `events_old.b` is not in `events`; add it to `events`, or \
         drop it, in a migration before this one"
    );
    let nullable = old!(#[column(primary_key)] id: i64, a: Option<i32>);
    assert_eq!(
        said(&[before(), nullable], &[after()]),
        "table `events_old` becomes a partition of `events`, and column `events.a` takes NULL there; make both the same in a \
         migration before this one"
    );
    let less = old!(#[column(primary_key)] id: i64);
    assert_eq!(
        said(&[before(), less], &[after()]),
        "table `events_old` becomes a partition of `events`, and column `events.a` is not in it; add it there in a migration before \
         this one"
    );
    let computed = old!(#[column(primary_key)] id: i64, #[column(generated = "7")] a: i32);
    assert_eq!(
        said(&[before(), computed], &[after()]),
        "table `events_old` becomes a partition of `events`, and column `events.a` is computed otherwise there; make both the same in \
         a migration before this one"
    );
    let numbered = old!(#[column(primary_key, identity)] id: i64, a: i32);
    assert_eq!(
        said(&[before(), numbered], &[after()]),
        "table `events_old` becomes a partition of `events`, and column `events.id` is numbered by the server there; make both the \
         same in a migration before this one"
    );
    let without_key = old!(id: i64, a: i32);
    assert_eq!(
        said(&[before(), without_key], &[after()]),
        "table `events_old` becomes a partition of `events`, and its primary key is () and that of `events` (id); give both the same \
         key in a migration before this one"
    );
}

#[test]
fn what_only_the_partition_would_have() {
    #[derive(Table)]
    #[table(name = "events_old", check(name = "a_is", sql = "a > 0"), check(name = "b_is", sql = "b > 0"))]
    #[allow(dead_code)]
    struct Old {
        #[column(primary_key)]
        id: i64,
        #[column(unique)]
        a: i32,
        #[column(references(table = "others"))]
        b: i64,
    }
    #[derive(Table)]
    #[table(name = "others")]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
    }
    macro_rules! table {
        ($($attr:tt)*) => {
            events!((check(name = "a_is", sql = "a > 1"), $($attr)*) { #[column(primary_key)] id: i64, a: i32, b: i64 })
        };
    }
    let after = table!(partition(name = "events_old", from = "1", to = "100", attach));
    let help = "give it to `events` too, or take it away in a migration before this one";
    let wrong = [
        "`events` has no check like its `a_is`",
        "`events` has no check like its `b_is`",
        "`events` has no foreign key like its `events_old_b_fkey`",
        "`events` has no unique index like its `events_old_a_key`",
        "check `a_is` says something else there",
    ];
    let wrong = wrong.map(|it| format!("table `events_old` becomes a partition of `events`, and {it}; {help}"));
    assert_eq!(said(&[Old::DEF, Other::DEF], &[after, Other::DEF]), wrong.join("\n"));
}

#[test]
fn a_migration_of_its_own() {
    let changed = events!((partition(name = "events_old", from = "1", to = "100", attach)) {
        #[column(primary_key)]
        id: i64,
        a: i32,
        b: Option<i32>,
    });
    let wanted = old!(#[column(primary_key)] id: i64, a: i32, b: Option<i32>);
    assert_eq!(
        said(&[before(), wanted], &[changed]),
        "table `events_old` becomes a partition of `events`, and `events` changes otherwise too; attach it in a migration of its own"
    );
}

/// The server's check when one is detached does not tell the two apart.
#[test]
fn what_a_partitioned_table_refers_to() {
    macro_rules! notes {
        ($($reference:tt)*) => {{
            #[derive(Table)]
            #[table(name = "notes", index("event"), partition_by(hash("id"), only = "postgres"),
                partition(name = "notes_0", modulus = 1, remainder = 0))]
            #[allow(dead_code)]
            struct Note {
                #[column(primary_key)]
                id: i64,
                #[column($($reference)*)]
                event: Option<i64>,
            }
            Note::DEF
        }};
    }
    let (referring, free) = (notes!(references(table = "events_old")), notes!());
    assert_eq!(
        said(&[before(), plain(), referring], &[after(), free]),
        "table `events_old` becomes a partition of `events`, and `notes`, which is partitioned, refers to it until contract: \
         PostgreSQL then takes it for referred to as a partition, and lets none of those go, so that nothing would lead back; let \
         that foreign key go in a migration before this one"
    );
    assert_eq!(said(&[before(), plain(), free], &[after(), free]), "nothing is in the way");
}

#[test]
fn bounds_that_no_check_proves() {
    let on_postgres = |after: TableDef| said_with(&[plain(), before()], &[after], Dialect::Postgres, |_| {});
    let default = body!(events(partition(name = "events_old", default, attach)));
    assert_eq!(
        on_postgres(default),
        "table `events_old` is attached to `events` by hash, by several columns or as the default partition: nothing but reading it \
         whole under a lock proves that its rows belong there; attach it by hand while nobody writes, in a migration of `cargo xtask \
         generate --custom --takes-changes`"
    );
}

#[test]
fn nothing_is_guessed() {
    let silent = body!(events(partition(name = "events_old", from = "1", to = "100")));
    assert_eq!(
        said(&[before(), plain()], &[silent]),
        "table `events_old` is in the last migration and no longer in the schema; dropped: `cargo xtask generate --drop-table \
         events_old`; kept: list its struct in `schema!` again; a partition from now on: `attach` in `partition(name = \
         \"events_old\", ...)` of `events`"
    );
    assert_eq!(
        said(&[before()], &[after()]),
        "partition `events_old` of `events` is said to be a table that is there, and the last migration has none of that name; \
         correct the name, or remove `attach`: then a new one is made"
    );
    let dropped = |it: &mut Intents| it.dropped_tables.extend(["events_old".to_owned()]);
    assert_eq!(
        said_with(&[before(), plain()], &[after()], Dialect::Postgres, dropped),
        "table `events_old` is said to be dropped, and to become a partition of `events`; leave `--drop-table` away, or the \
         partition"
    );
}

/// What was attached is a partition like others: it is no news that it was a table, and it can go.
#[test]
fn from_then_on_a_partition() {
    let gone = body!(events(detached("events_old")));
    for next in [after(), gone] {
        assert_eq!(said(&[after()], &[next]), "nothing is in the way");
    }
}
