//! What is in the way of a column that begins to be numbered, or is numbered no longer.

use pontoon::def::TableDef;
use pontoon::plan::plan;
use pontoon::schema::from_defs;
use pontoon::{Dialect, Table};

macro_rules! users {
    ({ $($body:tt)* }) => { users!(() { $($body)* }) };
    (($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "users", $($attr)*)]
        #[allow(dead_code)]
        struct User { $($body)* }
        User::DEF
    }};
}

fn said(before: TableDef, after: TableDef, dialect: Dialect, copy_rows: Option<u64>) -> String {
    let (source, _) = from_defs(&[&before]).unwrap();
    let (target, mut intents) = from_defs(&[&after]).unwrap();
    intents.copy_rows = copy_rows;
    let errors = plan("0002_x", &source, &target, &intents, dialect).expect_err("must be refused");
    errors.0.into_iter().map(|it| format!("{}; {}", it.message, it.help)).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refusal(before: TableDef, after: TableDef) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| said(before, after, dialect, Some(10)));
    assert_eq!(postgres, mysql);
    postgres
}

#[test]
fn one_change_at_a_time() {
    let narrow = users!({
        #[column(primary_key)]
        id: i32,
    });
    let numbered = users!({
        #[column(primary_key, identity)]
        id: i64,
    });
    let by_default = users!({
        #[column(primary_key, default = "7")]
        id: i64,
    });
    let wanted = |what: &str| {
        format!(
            "column `users.id` {what}, and its type, NULL or default changes too; change that in a migration before this one"
        )
    };
    assert_eq!(refusal(narrow, numbered), wanted("begins to be numbered by the server"));
    assert_eq!(refusal(by_default, numbered), wanted("begins to be numbered by the server"));
    assert_eq!(refusal(numbered, by_default), wanted("is numbered no longer"));
    let unkeyed = users!({
        id: i64,
        #[column(primary_key)]
        number: i64,
    });
    let keyed = users!({
        #[column(primary_key, identity)]
        id: i64,
        number: i64,
    });
    let said = refusal(unkeyed, keyed);
    let wanted = "column `users.id` begins to be numbered by the server, and the primary key changes too; change the key in a \
                  migration before this one";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn the_index_tells_the_greatest() {
    macro_rules! second {
        ($($id:tt)*) => {
            users!({
                #[column(primary_key)]
                tenant: i64,
                #[column($($id)*)]
                id: i64,
            })
        };
    }
    assert_eq!(
        refusal(second!(primary_key), second!(primary_key, identity)),
        "column `users.id` begins to be numbered by the server, and it is not the first column of the primary key, whose index tells \
         the greatest number; put its field before the others of the key, in a migration before this one"
    );
}

#[test]
fn not_in_a_partitioned_table() {
    macro_rules! parts {
        ($($id:tt)*) => {
            users!((partition_by(range("id"), only = "postgres")) {
                #[column($($id)*)]
                id: i64,
            })
        };
    }
    let [plain, numbered] = [parts!(primary_key), parts!(primary_key, identity)];
    let refused = |what: &str| {
        format!(
            "table `users` is partitioned, and {what} to number column `id` is not derived there; leave it as it is; a new column \
             beside it can be filled by an SQL expression (`backfill`)"
        )
    };
    assert_eq!(refusal(plain, numbered), refused("beginning"));
    assert_eq!(refusal(numbered, plain), refused("ending"));
}

#[test]
fn mysql_copies_with_a_word_alone() {
    let [plain, numbered] = [
        users!({
            #[column(primary_key)]
            id: i64,
        }),
        users!({
            #[column(primary_key, identity)]
            id: i64,
        }),
    ];
    let help = "if that is meant, say up to how many rows: `cargo xtask generate --copy-rows N`; a larger table is then left alone";
    assert_eq!(
        said(plain, numbered, Dialect::MySql, None),
        format!(
            "MySQL: `users.id` begins to be numbered, which copies the table, and writers wait for the whole copy; {help}"
        )
    );
    assert_eq!(
        said(numbered, plain, Dialect::MySql, None),
        format!(
            "MySQL: `users.id` is numbered no longer, which copies the table, and writers wait for the whole copy; {help}"
        )
    );
}

/// MySQL's alone: errors 3818, 3109 and 3754. What goes may stand until contract, and what is new comes before it.
#[test]
fn nothing_stands_over_a_number_of_the_servers() {
    let numbered = users!({
        #[column(primary_key, identity)]
        id: i64,
    });
    let check = users!((check(name = "positive", sql = "id > 0")) {
        #[column(primary_key)]
        id: i64,
    });
    let index = users!((index(key(expression = "mod(id, 2)"), name = "parity")) {
        #[column(primary_key)]
        id: i64,
    });
    let generated = users!({
        #[column(primary_key)]
        id: i64,
        #[column(generated = "mod(id, 2)")]
        parity: Option<i64>,
    });
    let said = |before: TableDef, after: TableDef| {
        let (source, _) = from_defs(&[&before]).unwrap();
        let (target, mut intents) = from_defs(&[&after]).unwrap();
        intents.copy_rows = Some(10);
        intents.dropped.insert(("users".to_owned(), "parity".to_owned()));
        let [postgres, mysql] = Dialect::ALL.map(|dialect| plan("0002_x", &source, &target, &intents, dialect));
        postgres.expect("PostgreSQL takes all of them");
        mysql
            .expect_err("must be refused")
            .0
            .into_iter()
            .map(|it| format!("{}; {}", it.message, it.help))
            .collect::<Vec<_>>()
    };
    for (over, what) in
        [(check, "check `positive`"), (index, "index `parity`"), (generated, "generated column `users.parity`")]
    {
        let wanted = |words: &str, help: &str| {
            [format!(
                "column `users.id` {words}, and {what} is over it: MySQL takes none over a column that it numbers; {help}"
            )]
        };
        let forth = wanted("begins to be numbered", "remove that in a migration before this one");
        assert_eq!(said(over, numbered), forth);
        assert_eq!(
            said(numbered, over),
            wanted("is numbered until contract", "add that in a migration after this one")
        );
    }
}
