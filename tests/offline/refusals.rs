//! What cannot be derived: each with the place of the field and what to do.

use pontoon::def::TableDef;
use pontoon::migration::Step;
use pontoon::plan::plan;
use pontoon::schema::{Intents, Schema, from_defs};
use pontoon::{Dialect, Table};

macro_rules! table {
    ($name:ident { $($body:tt)* }) => { table!($name () { $($body)* }) };
    ($name:ident ($($attr:tt)*) { $($body:tt)* }) => {{
        #[derive(Table)]
        #[table(name = "users", $($attr)*)]
        #[allow(dead_code)]
        struct $name { $($body)* }
        $name::DEF
    }};
}

fn model(defs: &[&TableDef]) -> (Schema, Intents) {
    from_defs(defs).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What `generate` says to the way from one table to the other, without the lines' numbers.
#[track_caller]
fn refusal(before: TableDef, after: TableDef) -> String {
    let [postgres, mysql] = Dialect::ALL.map(|dialect| refusal_on(dialect, before, after));
    assert_eq!(postgres, mysql);
    postgres
}

/// The same of one server alone.
#[track_caller]
fn refusal_on(dialect: Dialect, before: TableDef, after: TableDef) -> String {
    let (source, _) = model(&[&before]);
    let (target, intents) = model(&[&after]);
    let said = plan("0002_x", &source, &target, &intents, dialect).expect_err("must be refused").to_string();
    assert!(said.starts_with("tests/offline/refusals.rs:"), "{said}");
    let without_place = |line: &str| match line.strip_prefix("tests/offline/refusals.rs:") {
        Some(rest) => rest.split_once(": ").expect("a place").1.to_owned(),
        None => line.to_owned(),
    };
    said.lines().map(without_place).collect::<Vec<_>>().join("\n")
}

/// What is wrong with a struct by itself.
#[track_caller]
fn mistake(def: TableDef) -> String {
    let errors = from_defs(&[&def]).expect_err("must be refused");
    errors.0.iter().map(|it| format!("{}\n  help: {}", it.message, it.help)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_new_column_without_a_value_for_the_rows_there() {
    let said = refusal(
        table!(User {
            #[column(primary_key)]
            id: i64
        }),
        table!(User {
            #[column(primary_key)]
            id: i64,
            #[column(length = 9)]
            nick: String
        }),
    );
    insta::assert_snapshot!(said, @r#"
    column `users.nick` is new and takes no NULL, so the rows that are there need a value
      help: add #[column(backfill = "...")] (an SQL expression over the row) or #[column(default = "...")], or make the field an `Option`
    "#);
}

#[test]
fn a_drop_and_an_add_may_be_a_rename() {
    let said = refusal(
        table!(User { #[column(primary_key)] id: i64, name: Option<i32> }),
        table!(User { #[column(primary_key)] id: i64, nick: Option<i32>, born: Option<i32> }),
    );
    insta::assert_snapshot!(said, @r#"
    column `users.name` is gone and `users.nick`, `users.born` is new: dropped, or renamed?
      help: dropped: #[table(dropped("name"))] on the struct of `users`; renamed: #[column(renamed_from = "name")] on `User.nick` or #[column(renamed_from = "name")] on `User.born`
    "#);
}

#[test]
fn a_drop_and_an_add_that_are_meant_are_taken() {
    let (source, _) = model(&[&table!(User { #[column(primary_key)] id: i64, name: Option<i32> })]);
    let (target, intents) =
        model(&[&table!(User (dropped("name")) { #[column(primary_key)] id: i64, nick: Option<i32> })]);
    for dialect in Dialect::ALL {
        let steps = plan("0002_x", &source, &target, &intents, dialect).unwrap().migration.steps;
        let statements = steps.iter().filter(|(_, step)| matches!(step, Step::Statement(_)));
        assert_eq!(statements.count(), 2);
    }
}

#[test]
fn renames_that_are_not_derived() {
    let before = || table!(User { #[column(primary_key)] id: i64, name: Option<i32>, born: i32 });
    let said = [
        refusal(
            before(),
            table!(User { #[column(primary_key, renamed_from = "id")] key: i64, name: Option<i32>, born: i32 }),
        ),
        refusal(
            before(),
            table!(User {
                #[column(primary_key)]
                id: i64,
                #[column(renamed_from = "name")]
                nick: i32,
                born: i32
            }),
        ),
        refusal(
            before(),
            table!(User { #[column(primary_key)] id: i64, #[column(renamed_from = "nam")] nick: Option<i32>, name: Option<i32>, born: i32 }),
        ),
        refusal(
            before(),
            table!(User { #[column(primary_key)] id: i64, #[column(renamed_from = "born")] year: i32, #[column(renamed_from = "born")] age: i32, name: Option<i32> }),
        ),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    column `users.id` is part of the primary key, and is dropped
      help: move `primary_key` to other fields in one migration, and drop the column in the next
    column `users.id` is part of the primary key, and is renamed to `key`
      help: keep the column's name with #[column(name = "id")]

    column `users.name` is renamed to `nick`, and its nullability or default changes too
      help: do one in this migration and the other in the next: rename the field first, as it is

    column `users.nick` is said to be renamed from `nam`, which is not there to be renamed
      help: correct the name, or remove `renamed_from`

    columns `users.year` and `users.age` are both said to be renamed from `born`
      help: remove `renamed_from` from one, and give that one a `backfill`
    "#);
}

#[test]
fn tables_that_are_not_renamed() {
    #[derive(Table)]
    #[table(name = "people", renamed_from = "users")]
    #[allow(dead_code)]
    struct Changed {
        #[column(primary_key)]
        id: i64,
        more: Option<i32>,
    }
    #[derive(Table)]
    #[table(name = "people", renamed_from = "users")]
    #[allow(dead_code)]
    struct Checked {
        #[column(primary_key, check = "id > 0")]
        id: i64,
    }
    let before = table!(User {
        #[column(primary_key)]
        id: i64
    });
    let checked = table!(User {
        #[column(primary_key, check = "id > 0")]
        id: i64
    });
    let said = [refusal(before, Changed::DEF), refusal(checked, Checked::DEF)];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    table `users` is renamed to `people`, and changes otherwise too
      help: rename it in this migration, as it is, and change it in the next

    table `users` is renamed to `people`, and check `users_id_check` is named after it
      help: MySQL renames no check: name it on the table, by the name that it has (`check(name = "...", ...)`), or keep the table's name
    "#);
}

#[test]
fn changes_that_are_not_derived() {
    let before = || {
        table!(User {
            #[column(primary_key)]
            id: i64,
            a: i32
        })
    };
    let said = [
        refusal(before(), table!(User { id: i64, a: i32 })),
        refusal(
            before(),
            table!(User {
                #[column(primary_key)]
                id: i64,
                a: i32,
                #[column(primary_key, default = "1")]
                b: i32
            }),
        ),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    the primary key of `users` changes from (id) to ()
      help: keep a key: without one, no row can be told from another

    the primary key of `users` changes from (id) to (id, b), and `b` is new or changes its type
      help: add or change the column in this migration, and the key in the next
    "#);
}

#[test]
fn types_that_do_not_change_by_themselves() {
    let before = || {
        table!(User {
            #[column(primary_key)]
            id: i32,
            #[column(check = "a > 0")]
            a: i32,
            b: i64,
            c: Option<i32>,
        })
    };
    let after = |def: TableDef| refusal(before(), def);
    let said = [
        refusal_on(
            Dialect::MySql,
            before(),
            table!(User { #[column(primary_key)] id: i32, #[column(check = "a > 0")] a: i64, b: i64, c: Option<i32> }),
        ),
        after(
            table!(User { #[column(primary_key)] id: i32, #[column(check = "a > 0")] a: i32, b: i32, c: Option<i32> }),
        ),
        after(table!(User {
            #[column(primary_key)]
            id: i32,
            #[column(check = "a > 0")]
            a: i32,
            b: i64,
            #[column(backfill = "0")]
            c: i64
        })),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    the type of `users.a` changes from `integer` (MySQL `int`) to `bigint`, on which check `users_a_check` stands, and MySQL renames no column under a check
      help: give the check another name in the same change (`check(name = "...", ...)` on the table): then it goes first, and is added again when the type has changed; meanwhile nothing holds to `users_a_check`

    the type of `users.b` changes from `bigint` to `integer` (MySQL `int`), which does not hold every value as it is
      help: say how: #[column(backfill = "...", reverse = "...")], two SQL expressions: the new value over `b`, and, for old code until contract, the old one over `b`

    the type of `users.c` changes, and its nullability or default changes too
      help: do one in this migration and the other in the next
    "#);
}

/// A key changes its type with all that is tied to it, and with nothing else.
#[test]
fn keys_whose_type_does_not_change_alone() {
    macro_rules! tree {
        ($id:ty, $up:ty, $a:ty, $($attr:tt)*) => {
            table!(User (index("a", "id")) {
                #[column(primary_key, identity)]
                id: $id,
                #[column($($attr)*)]
                up: Option<$up>,
                a: $a,
            })
        };
    }
    macro_rules! post {
        ($key:ty) => {{
            #[derive(Table)]
            #[table(name = "posts")]
            #[allow(dead_code)]
            struct Post {
                #[column(primary_key)]
                id: i64,
                #[column(references(table = "users"))]
                user_id: $key,
            }
            Post::DEF
        }};
    }
    let before = || tree!(i32, i32, i32, references(table = "users"));
    let tied = {
        let (source, _) = model(&[&tree!(i32, i32, i32, name = "up"), &post!(i32)]);
        let (target, intents) = model(&[&tree!(i64, i32, i32, name = "up"), &post!(i64)]);
        let error = plan("0002_x", &source, &target, &intents, Dialect::MySql).expect_err("must be refused");
        error.to_string().split_once(": ").expect("a place").1.to_owned()
    };
    let said = [
        refusal(before(), tree!(i64, i64, i32, name = "up")),
        refusal(before(), tree!(i64, i64, i64, references(table = "users"))),
        tied,
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    the type of `users.id` changes, and foreign key `users_up_fkey` changes or goes
      help: do one in this migration and the other in the next

    the type of `users.a` changes, and so does that of `id`, with which it stands in index `users_a_id_idx`
      help: do one in this migration and the other in the next
    the type of `users.id` changes, and so does that of `users.a`, with which it stands in index `users_a_id_idx`
      help: do one in this migration and the other in the next

    the types of `posts.user_id` and `users.id` change, which a foreign key ties, and MySQL changes neither while it stands
      help: in three migrations: take `references` away; change the types; add `references` again (rows that refer to nobody by then are found and named). Or keep MySQL out of it: `sql_type(mysql = "int")`
    "#);
}

#[test]
fn a_backfill_without_a_key_to_walk_by() {
    let said = refusal(
        table!(User { id: Option<i64> }),
        table!(User { id: Option<i64>, #[column(backfill = "id")] other: i64 }),
    );
    insta::assert_snapshot!(said, @r#"
    column `users.other` needs a backfill, and table `users` has no key to walk by
      help: mark the key's fields with #[column(primary_key)], or a field that is never NULL with #[column(unique)]
    "#);
}

#[test]
fn not_null_without_a_value_for_null() {
    let said = refusal(
        table!(User { #[column(primary_key)] id: i64, a: Option<i32> }),
        table!(User {
            #[column(primary_key)]
            id: i64,
            a: i32
        }),
    );
    insta::assert_snapshot!(said, @r#"
    column `users.a` takes no NULL any more, and rows with NULL need a value
      help: add #[column(backfill = "...")] (an SQL expression over the row) or #[column(default = "...")], or keep the field an `Option`
    "#);
}

#[test]
fn names_beyond_what_the_servers_hold() {
    let said = mistake(table!(User {
        #[column(primary_key, name = "a_name_that_is_longer_than_the_sixty_three_bytes_that_postgresql_keeps")]
        id: i64,
        #[column(name = "😀")]
        face: i32,
        #[column(name = "pontoon_x")]
        ours: i32,
        #[column(name = "space ")]
        space: i32,
    }));
    insta::assert_snapshot!(said, @r#"
    the column name `a_name_that_is_longer_than_the_sixty_three_bytes_that_postgresql_keeps` has 70 bytes; PostgreSQL takes 63
      help: choose another name: `name = "..."`
    the column name `😀` holds a character beyond U+FFFF, which MySQL does not take in a name
      help: choose another name: `name = "..."`
    the column name `pontoon_x` begins with `pontoon_`, which is kept for Pontoon's own tables and triggers
      help: choose another name: `name = "..."`
    the column name `space ` ends with a space, which MySQL does not take
      help: choose another name: `name = "..."`
    "#);
}

#[test]
fn types_that_do_not_fit_their_use() {
    let said = mistake(table!(User (index("note")) {
        #[column(primary_key, identity)]
        id: u8,
        #[column(unique)]
        email: String,
        note: String,
        #[column(length = 3)]
        number: i32,
        #[column(precision = 80, scale = 2)]
        big: i64,
        #[column(references(table = "nobody"))]
        other: i64,
    }));
    insta::assert_snapshot!(said, @r#"
    column `users.id` is an identity, and is no i16, i32 or i64
      help: change the field's type
    column `users.email` is part of a key or index, and has no length, which MySQL wants there
      help: add `length = N` (768 at most for one text column)
    column `users.note` is part of a key or index, and has no length, which MySQL wants there
      help: add `length = N` (768 at most for one text column)
    column `users.number` has a length, and is neither a text nor a byte string
      help: remove `length`
    column `users.big` cannot have 80 digits with 2 behind the point
      help: both servers take precision 1 to 65, and scale 0 to 30 and not above the precision
    column `users.big` has a precision or scale, and is no decimal
      help: remove them
    column `users.other` refers to table `nobody`, which is not in the schema
      help: list its struct in `schema!`, or correct the name
    "#);
}

#[test]
fn two_tables_of_one_name() {
    let one = table!(User { id: i64 });
    let two = table!(User { id: i64 });
    let errors = from_defs(&[&one, &two]).expect_err("must be refused");
    assert!(errors.to_string().contains("table `users` is already defined at tests/offline/refusals.rs:"), "{errors}");
}

/// MySQL numbers a row after its trigger has run. The test asks MySQL alone: PostgreSQL knows the number.
#[test]
fn a_backfill_over_the_number_of_a_row() {
    let (source, _) = model(&[&table!(User { #[column(primary_key, identity)] id: i64, name: Option<i32> })]);
    let def = table!(User { #[column(primary_key, identity)] id: i64, name: Option<i32>, #[column(backfill = "id % 7")] kind: i64 });
    let (target, intents) = model(&[&def]);
    let said = plan("0002_x", &source, &target, &intents, Dialect::MySql).expect_err("must be refused").to_string();
    assert!(said.contains("column `users.kind` follows `id`, which MySQL has not numbered yet"), "{said}");
    assert!(plan("0002_x", &source, &target, &intents, Dialect::Postgres).is_ok());
}

#[test]
fn a_backfill_over_another_new_column() {
    let said = refusal(
        table!(User {
            #[column(primary_key)]
            id: i64,
            name: i32
        }),
        table!(User {
            #[column(primary_key)]
            id: i64,
            name: i32,
            #[column(backfill = "b + 1")]
            a: i32,
            #[column(backfill = "name")]
            b: i32
        }),
    );
    insta::assert_snapshot!(said, @r#"
    the backfill of `users.a` names `b`, which is new in the same migration
      help: write it over the columns that are there: the expression that gives the other its value
    "#);
}

#[test]
fn names_that_are_one_to_mysql() {
    let said = mistake(table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(name = "Id")]
        other: i64
    }));
    insta::assert_snapshot!(said, @r#"
    columns `users.id` and `users.Id` differ by case alone, and are one to MySQL
      help: rename the field, or give it #[column(name = "...")]
    "#);
}

#[test]
fn a_struct_that_is_listed_twice() {
    let user = table!(User {
        #[column(primary_key)]
        id: i64
    });
    let errors = from_defs(&[&user, &user]).expect_err("must be refused");
    assert_eq!(errors.0.len(), 1, "{errors}");
    assert!(errors.to_string().contains("`User` is listed twice"), "{errors}");
}

#[test]
fn indexes_that_one_server_does_not_have() {
    macro_rules! with {
        ($($index:tt)*) => {
            mistake(table!(User ($($index)*) {
                #[column(primary_key)]
                id: i64,
                #[column(length = 40)]
                name: String,
                body: String,
                document: Option<serde_json::Value>
            }))
        };
    }
    let said = [
        with!(index("name", filter = "id > 0")),
        with!(index("name", include("id"))),
        with!(index("name", using = "gin")),
        with!(index("name", "id", using(postgres = "hash"), unique, only = "postgres")),
        with!(index(key("body", length = 10))),
        with!(index("body", using(postgres = "gin", mysql = "btree"))),
        with!(index("id", using(mysql = "fulltext"), only = "mysql")),
        with!(index("document", name = "x", only = "mysql")),
        with!(index(key(expression = "lower(nmae)"), name = "x")),
        with!(index(key(expression(postgres = "lower(name)")), name = "x")),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    index `users_name_idx` of table `users` has a condition (`filter`), which MySQL does not have
      help: say that it is for PostgreSQL: `only = "postgres"`; MySQL can have another index, `only = "mysql"`

    index `users_name_idx` of table `users` holds columns beside its keys (`include`), which MySQL does not have
      help: say that it is for PostgreSQL: `only = "postgres"`; MySQL can have another index, `only = "mysql"`

    index `users_name_idx` of table `users` uses `gin`, which MySQL does not have
      help: it has btree, fulltext, spatial; say that it is for PostgreSQL: `only = "postgres"`; MySQL can have another index, `only = "mysql"`, or one each: `using(postgres = "gin", mysql = "fulltext")`

    index `users_name_id_key` of table `users` is unique and uses `hash`, which cannot tell rows apart
      help: remove `unique`, or `using`
    index `users_name_id_key` of table `users` uses `hash`, which takes one key, and has 2
      help: make an index for each

    index `users_body_idx` of table `users` has a key of a `length`, which PostgreSQL does not have
      help: say that it is for MySQL: `only = "mysql"`; PostgreSQL can have another index, `only = "postgres"`, over an expression such as `left(a, 20)`

    index `users_body_idx` of table `users` has column `body`, which has no length, and MySQL wants one there
      help: give the column a `length`, or the key, for MySQL alone: `key("body", length = 100)`

    index `users_id_idx` of table `users` uses `fulltext`, and column `id` is no text
      help: index a text, or remove `using`

    index `x` of table `users` has column `document`, which is JSON, and neither server orders JSON as a whole
      help: on PostgreSQL use `gin`, `only = "postgres"`; on MySQL index an expression over it

    index `x` of table `users` has the key `lower(nmae)`, which names no column
      help: the columns are: id, name, body, document

    index `x` of table `users` has a key without an expression for MySQL
      help: give one text for both servers, or one each: `expression(postgres = "...", mysql = "...")`
    "#);
}

/// Each server would do it: PostgreSQL drops the index without a word, MySQL copies the table.
#[test]
fn columns_under_indexes_that_do_not_let_go() {
    let partial = refusal_on(
        Dialect::Postgres,
        table!(User (index("id", filter = "name <> ''", only = "postgres")) {
            #[column(primary_key)]
            id: i64,
            name: String
        }),
        table!(User (index("id", filter = "name <> '' and id > 0", only = "postgres"), dropped("name")) {
            #[column(primary_key)]
            id: i64
        }),
    );
    let retyped = refusal_on(
        Dialect::Postgres,
        table!(User (index(key(expression = "number + 1"), name = "x")) {
            #[column(primary_key)]
            id: i64,
            number: i32
        }),
        table!(User (index(key(expression = "number + 1"), name = "x")) {
            #[column(primary_key)]
            id: i64,
            number: i64
        }),
    );
    let fulltext = refusal_on(
        Dialect::MySql,
        table!(User (index("name", using(mysql = "fulltext"), only = "mysql")) {
            #[column(primary_key)]
            id: i64,
            name: String
        }),
        table!(User (index("name", using(mysql = "fulltext"), only = "mysql")) {
            #[column(primary_key)]
            id: i64,
            name: String,
            more: Option<i32>
        }),
    );
    insta::assert_snapshot!([partial, retyped, fulltext].join("\n\n"), @r#"
    column `users.name` goes, and index `users_id_idx` names it in an expression or condition
      help: correct the index, or remove it

    the type of `users.number` changes, and index `x` names the column in an expression or condition
      help: give the index another name in the same change: then it is built anew over the new type, and `x` goes

    columns of `users` change, and it has full-text index `users_name_idx`, with which MySQL changes none of them online
      help: keep the columns as they are, or keep texts to be searched in a table of their own
    "#);
}

#[test]
fn an_enum_that_loses_a_value() {
    let before = {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum State {
            Open,
            Late,
            Done,
        }
        table!(User {
            #[column(primary_key)]
            id: i64,
            state: State
        })
    };
    let fewer = {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum State {
            Open,
            Done,
        }
        table!(User {
            #[column(primary_key)]
            id: i64,
            state: State
        })
    };
    insta::assert_snapshot!(refusal(before, fewer), @r#"
    enum `state` changes and it loses `late`, which rows and old code may hold
      help: make the new enum a type of its own, #[enumeration(name = "...")], for a column of its own, so that both can live: a new field for `User.state` with #[column(renamed_from = "state", backfill = "...", reverse = "...")]
    "#);
    let moved = {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum State {
            Late,
            Open,
            Done,
        }
        table!(User {
            #[column(primary_key)]
            id: i64,
            state: State
        })
    };
    let said = refusal(before, moved);
    assert!(said.starts_with("enum `state` changes and its values change their order, "), "{said}");
}

#[test]
fn an_enum_with_values_among_the_others() {
    macro_rules! with {
        ($($variant:ident),*) => {{
            #[derive(pontoon::Enum)]
            #[allow(dead_code)]
            enum State {
                $($variant),*
            }
            table!(User { #[column(primary_key)] id: i64, state: State })
        }};
    }
    let said = refusal_on(Dialect::MySql, with!(Open, Done), with!(Open, HalfDone, Done));
    assert!(said.starts_with("`users.state` gets values among those of its enum, "), "{said}");
    assert!(said.contains("put the new variants last"), "{said}");
}

#[test]
fn an_enum_that_clashes() {
    #[derive(pontoon::Enum)]
    #[enumeration(name = "users")]
    enum State {
        Open,
    }
    let _ = State::Open;
    let said = mistake(table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(default = "'opened'")]
        a: State,
        #[column(sql_type(mysql = "varchar(9)"))]
        b: State
    }));
    insta::assert_snapshot!(said, @r#"
    enum `users` has the name of a table, which is a type to PostgreSQL too
      help: give `State` another name: #[enumeration(name = "...")]
    the default of column `users.a` is `opened`, which is no value of enum `users`
      help: the values are: open
    column `users.b` has an enum's type, and its type is spelled too
      help: remove `sql_type`, or spell it for both servers; then `State` is no type of the schema
    "#);
}

#[test]
fn two_enums_of_one_name() {
    let one = {
        #[derive(pontoon::Enum)]
        #[allow(dead_code)]
        enum State {
            Open,
        }
        table!(User {
            #[column(primary_key)]
            id: i64,
            state: State
        })
    };
    #[derive(pontoon::Enum)]
    #[allow(dead_code)]
    enum State {
        Done,
    }
    #[derive(Table)]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        state: State,
    }
    let errors = from_defs(&[&one, &Other::DEF]).expect_err("must be refused").to_string();
    assert!(errors.contains("enum `state` is already defined at tests/offline/refusals.rs:"), "{errors}");
}

/// What is said when a table with `total`, generated from `price`, becomes the other.
#[track_caller]
fn of_generated(after: TableDef) -> String {
    let before = table!(User {
        #[column(primary_key)]
        id: i64,
        price: i32,
        #[column(generated = "price * 2")]
        total: i32
    });
    refusal(before, after).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn generated_columns_that_change() {
    let expression = of_generated(table!(User {
        #[column(primary_key)]
        id: i64,
        price: i32,
        #[column(generated = "price * 3")]
        total: i32
    }));
    insta::assert_snapshot!(expression, @"column `users.total` is generated by another expression, and old code reads what it was");
    let ends = of_generated(table!(User {
        #[column(primary_key)]
        id: i64,
        price: i32,
        total: i32
    }));
    insta::assert_snapshot!(ends, @"column `users.total` is no longer generated, and old code reads what it was");
    let dropped = of_generated(
        table!(User (dropped("price")) { #[column(primary_key)] id: i64, #[column(generated = "price * 2")] total: i32 }),
    );
    insta::assert_snapshot!(dropped, @"column `users.total` is generated from `price`, which goes");
    let retyped = of_generated(table!(User {
        #[column(primary_key)]
        id: i64,
        price: i64,
        #[column(generated = "price * 2")]
        total: i32
    }));
    insta::assert_snapshot!(retyped, @"column `users.total` is generated from `price`, which changes its type");
    let over_it = of_generated(table!(User {
        #[column(primary_key)]
        id: i64,
        price: i32,
        #[column(generated = "price * 2")]
        total: i32,
        #[column(backfill = "total + 1")]
        more: i32
    }));
    insta::assert_snapshot!(over_it, @"column `users.more` follows `total`, which is generated after triggers have run");
    let over_new = of_generated(table!(User {
        #[column(primary_key)]
        id: i64,
        price: i32,
        #[column(generated = "price * 2")]
        total: i32,
        #[column(default = "1")]
        more: i32,
        #[column(generated = "more * 2")]
        twice: i32
    }));
    insta::assert_snapshot!(over_new, @"column `users.twice` is generated from `more`, which is new in the same migration");
}

#[test]
fn generated_columns_that_cannot_be() {
    let said = mistake(table!(User {
        #[column(primary_key, identity)]
        id: i64,
        a: i32,
        #[column(generated = "a + 1")]
        b: i32,
        #[column(generated = "b + 1")]
        c: i32,
        #[column(generated = "d + 1")]
        d: i32,
        #[column(generated = "id + 1")]
        e: i64
    }));
    insta::assert_snapshot!(said, @r#"
    column `users.c` is generated, and names `b`, which is generated too
      help: write out the other's expression
    column `users.d` is generated, and names itself
      help: write the expression over other columns
    column `users.e` is generated, and names `id`, which MySQL numbers too late for it
      help: write it over other columns
    "#);
}

/// MySQL believes it, and then shows a zero for NULL.
#[test]
fn a_column_generated_on_read_that_takes_no_null() {
    let (source, _) = model(&[&table!(User {
        #[column(primary_key)]
        id: i64,
        a: i32
    })]);
    let def = table!(User {
        #[column(primary_key)]
        id: i64,
        a: i32,
        #[column(generated(virtual, postgres = "a / 2", mysql = "a div 2"))]
        b: i32
    });
    let (target, intents) = model(&[&def]);
    let said = plan("0002_x", &source, &target, &intents, Dialect::MySql).expect_err("must be refused").to_string();
    assert!(said.contains("column `users.b` is new, generated when it is read, and takes no NULL"), "{said}");
    assert!(plan("0002_x", &source, &target, &intents, Dialect::Postgres).is_ok());
}

#[test]
fn what_mysql_does_not_take_with_a_check_or_foreign_key() {
    #[derive(Table)]
    #[table(name = "roles")]
    #[allow(dead_code)]
    struct Role {
        #[column(primary_key)]
        id: i64,
    }
    let user = table!(User {
        #[column(primary_key, identity, check = "id > 0")]
        id: i64,
        #[column(references(table = "roles", on_update = "cascade"), check = "role_id > 0")]
        role_id: i64,
        #[column(references(table = "roles", on_update = "set null"))]
        other_id: i64,
        #[column(references(table = "roles", on_delete = "set null"), check(postgres = "third_id > 0"))]
        third_id: Option<i64>,
        #[column(references(table = "roles", on_delete = "cascade"), check = "fourth_id > 0")]
        fourth_id: i64
    });
    let errors = from_defs(&[&user, &Role::DEF]).expect_err("must be refused");
    let said: Vec<_> = errors.0.iter().map(|it| it.message.as_str()).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    check `users_id_check` is over `users.id`, an identity, and MySQL takes no check over one
    check `users_role_id_check` is over `users.role_id`, which changes with the rows of `roles`, and MySQL takes no check over a column that a foreign key writes
    column `users.other_id` is set to NULL on update, and takes no NULL
    ");
}

#[test]
fn the_key_by_which_mysql_keeps_a_table_without_a_primary_key() {
    let before = || {
        table!(User {
            #[column(unique)]
            id: i64,
            #[column(unique)]
            a: Option<i32>
        })
    };
    let nullable = table!(User {
        #[column(unique)]
        id: Option<i64>,
        #[column(unique)]
        a: Option<i32>
    });
    let dropped = table!(User { id: i64, #[column(unique)] a: Option<i32> });
    let said = [nullable, dropped].map(|after| refusal_on(Dialect::MySql, before(), after));
    insta::assert_snapshot!(said.join("\n"), @r"
    column `users.id` takes NULL, and MySQL keeps the rows of a table without a primary key by a unique index like `users_id_key`: its columns do not come to take NULL online
      help: keep the column NOT NULL, or copy the rows into a table with a primary key
    index `users_id_key` of table `users` goes, and MySQL keeps the rows of a table without a primary key by such a unique index: it does not go online
      help: keep the index, or copy the rows into a table with a primary key
    ");
    // another unique index goes
    let (source, _) = model(&[&before()]);
    let (target, intents) = model(&[&table!(User { #[column(unique)] id: i64, a: Option<i32> })]);
    plan("0002_x", &source, &target, &intents, Dialect::MySql).unwrap();
}

#[test]
fn a_rust_function_that_no_trigger_can_call() {
    let said = mistake(table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(backfill_fn = "score")]
        score: i32
    }));
    assert!(said.contains("`users.score` is filled by the Rust function `score`, and takes no NULL"), "{said}");
    assert!(said.contains("make the field an `Option`"), "{said}");
    let said = mistake(table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(backfill_fn = "score", backfill = "1")]
        score: Option<i32>
    }));
    assert!(said.contains("has a `backfill`, `default` or `generated` as well"), "{said}");
    let said = mistake(table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(backfill_fn = "my score")]
        score: Option<i32>
    }));
    assert!(said.contains("letters, digits and `_`"), "{said}");
}

#[test]
fn a_column_beside_a_check_that_mysql_takes_for_another_one() {
    let before = table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(check = "born > '1900-01-01'")]
        born: chrono::NaiveDate,
        #[column(length = 20, check = "name <> ''")]
        name: String
    });
    let after = table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(check = "born > '1900-01-01'")]
        born: chrono::NaiveDate,
        #[column(length = 20, check = "name <> ''")]
        name: Option<String>
    });
    let said = [refusal_on(Dialect::MySql, before, after)].join("\n");
    insta::assert_snapshot!(said, @r"
    column `users.name` takes NULL, and MySQL changes no column in place where a check is over a date, a time or a text without a length, as check `users_born_check` over `users.born`
      help: remove the check in a migration before this one, and add it again after it
    ");
    let (source, _) = model(&[&before]);
    let (target, intents) = model(&[&after]);
    plan("0002_x", &source, &target, &intents, Dialect::Postgres).unwrap();
}

/// `b_c` of `a` and `c` of `a_b` would share a trigger's name.
#[test]
fn triggers_of_one_name() {
    macro_rules! two {
        ($($one:ident)? ; $($other:ident)?) => {{
            #[derive(Table)]
            #[table(name = "a")]
            #[allow(dead_code)]
            struct One {
                #[column(primary_key)]
                id: i64,
                n: i32,
                $(#[column(backfill = "n")] $one: i32,)?
            }
            #[derive(Table)]
            #[table(name = "a_b")]
            #[allow(dead_code)]
            struct Other {
                #[column(primary_key)]
                id: i64,
                n: i32,
                $(#[column(backfill = "n")] $other: i32,)?
            }
            model(&[&One::DEF, &Other::DEF])
        }};
    }
    let (source, _) = two!(;);
    let (target, intents) = two!(b_c; c);
    for dialect in Dialect::ALL {
        let said = plan("0002_x", &source, &target, &intents, dialect).expect_err("must be refused").to_string();
        assert!(said.contains("need triggers of one name, `pontoon_a_b_c"), "{said}");
    }
    let (target, intents) = two!(b_c; other);
    assert!(plan("0002_x", &source, &target, &intents, Dialect::MySql).is_ok());
}
