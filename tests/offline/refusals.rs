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
        refusal(
            before(),
            table!(User { #[column(primary_key)] id: i64, #[column(renamed_from = "born", backfill = "1900")] year: i32, name: Option<i32> }),
        ),
        refusal(
            before(),
            table!(User { #[column(primary_key)] id: i64, #[column(renamed_from = "born", backfill = "born + 1", reverse = "1900")] year: i32, name: Option<i32> }),
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

    the `backfill` of `users.year` does not name `born`, so what old code writes there would be lost to it
      help: write it over `born`; or, if they have nothing to do with each other, drop the one and add the other without `renamed_from`

    the `reverse` of `users.born` does not name `year`, so what new code writes there would be lost to it
      help: write it over `year`; or, if they have nothing to do with each other, drop the one and add the other without `renamed_from`
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
            table!(User { #[column(primary_key)] id: i32, #[column(check = "a > 0")] a: i32, b: f64, c: Option<i32> }),
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

    the type of `users.b` changes from `bigint` to `double precision` (MySQL `double`), which does not hold every value as it is
      help: say how: #[column(backfill = "...", reverse = "...")], two SQL expressions: the new value over `b`, and, for old code until contract, the old one over `b`

    the type of `users.c` changes, and its nullability or default changes too
      help: do one in this migration and the other in the next
    "#);
}

/// Partitions of others would go with it.
#[test]
fn a_partitioned_table_does_not_go_for_good() {
    #[derive(Table)]
    #[table(name = "parts", partition_by(range("id"), only = "postgres"))]
    #[allow(dead_code)]
    struct Part {
        #[column(primary_key)]
        id: i64,
    }
    let user = table!(User {
        #[column(primary_key)]
        id: i64
    });
    let ((both, _), (one, mut intents)) = (model(&[&user, &Part::DEF]), model(&[&user]));
    intents.dropped_tables.insert("parts".into());
    let source = one.keeping(&both, &intents, "0002_drop_parts");
    let intents = Intents { purged_tables: ["parts".to_owned()].into(), ..Intents::default() };
    let said = plan("0003_x", &source, &one, &intents, Dialect::Postgres).expect_err("must be refused").to_string();
    insta::assert_snapshot!(said, @r#"
    table `parts` is partitioned, and partitions that others have made would go with it
      help: drop it by a migration of your own, when you have looked at them: `cargo xtask generate --custom NAME`, DROP TABLE "pontoon_dropped_parts"
    "#);
    assert!(plan("0003_x", &source, &one, &intents, Dialect::MySql).is_ok());
}

#[test]
fn collations_that_do_not_change_by_themselves() {
    let before = || {
        table!(User {
            #[column(primary_key, length = 9)]
            id: String,
            #[column(length = 9, collation(mysql = "utf8mb4_bin"))]
            a: String,
        })
    };
    let said = [
        refusal(
            before(),
            table!(User {
                #[column(primary_key, length = 9, collation(postgres = "C", mysql = "utf8mb4_bin"))]
                id: String,
                #[column(length = 9, collation(mysql = "utf8mb4_bin"))]
                a: String,
            }),
        ),
        refusal_on(
            Dialect::MySql,
            before(),
            table!(User {
                #[column(primary_key, length = 9)]
                id: String,
                #[column(length = 9)]
                a: String
            }),
        ),
        refusal_on(
            Dialect::MySql,
            before(),
            table!(User {
                #[column(primary_key, length = 9)]
                id: String,
                #[column(length = 9, collation(mysql = "latin1_bin"))]
                a: String,
            }),
        ),
        mistake(table!(User {
            #[column(primary_key, collation = "C")]
            id: i64,
            #[column(length = 9, collation(mysql = "utf16_bin"))]
            a: String,
        })),
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    the collation of `users.id` changes from `varchar(9)` to `varchar(9) COLLATE C` (MySQL `varchar(9) COLLATE utf8mb4_bin`), and it is a key or tied to one by a foreign key
      help: keep it as it was; or give the new column a name of its own, and make that the key

    `users.a` has no collation any more, and what MySQL gives it then is the table's, which is not known here
      help: name it: #[column(collation(mysql = "utf8mb4_0900_ai_ci"))] is what MySQL has by itself

    the collation of `users.a` changes to `latin1_bin`, whose character set may not hold what the rows have now
      help: choose a collation of utf8mb4; or give the new column a name of its own, with a `backfill`

    column `users.id` has a collation, and is no text
      help: remove `collation`
    column `users.a` has the collation `utf16_bin`, which is not derived on MySQL
      help: choose one of utf8mb4, or of a character set whose first characters are those of ASCII
    "#);
}

/// MySQL compares both ends of a foreign key by one collation.
#[test]
fn collations_that_a_foreign_key_ties() {
    let said = mistake(table!(User {
        #[column(primary_key, length = 9)]
        id: String,
        #[column(length = 9, collation(mysql = "utf8mb4_bin"), references(table = "users"))]
        up: Option<String>,
    }));
    insta::assert_snapshot!(said, @r#"
    column `users.up` and `users.id`, to which it refers, have different collations, which MySQL does not take
      help: give both fields the same `collation`
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
    let without = table!(User (index("a", "id"), dropped("up")) {
        #[column(primary_key, identity)]
        id: i64,
        a: i32,
    });
    let keyed = table!(User (index("a", "id")) {
        #[column(primary_key, identity)]
        id: i64,
        #[column(name = "up")]
        up: Option<i64>,
        #[column(primary_key)]
        a: i32,
    });
    let said = [
        refusal(before(), tree!(i64, i64, i32, name = "up")),
        refusal(before(), tree!(i64, i64, i64, references(table = "users"))),
        refusal(before(), without),
        refusal(before(), keyed),
        tied,
    ];
    insta::assert_snapshot!(said.join("\n\n"), @r#"
    the type of `users.id` changes, and foreign key `users_up_fkey` changes or goes
      help: do one in this migration and the other in the next

    the type of `users.a` changes, and so does that of `id`, with which it stands in index `users_a_id_idx`
      help: do one in this migration and the other in the next
    the type of `users.id` changes, and so does that of `users.a`, with which it stands in index `users_a_id_idx`
      help: do one in this migration and the other in the next

    column `users.up` goes, and columns to which it is tied by a foreign key change their type
      help: do one in this migration and the other in the next

    the primary key of `users` changes from (id) to (id, a), and `id` is new or changes its type
      help: add or change the column in this migration, and the key in the next
    the type of `users.id` changes, and the primary key of `users` has other columns too
      help: do one in this migration and the other in the next

    the types of `posts.user_id` and `users.id` change, which a foreign key ties, and MySQL changes neither while it stands
      help: in three migrations: take `references` away; change the types; add `references` again (rows that refer to nobody by then are found and named). Or keep MySQL out of it: `sql_type(mysql = "int")`
    "#);
}

/// PostgreSQL walks by blocks where triggers fill the rows that move meanwhile.
#[test]
fn a_backfill_without_a_key_to_walk_by() {
    let before = table!(User { id: Option<i64> });
    let by_triggers = table!(User { id: Option<i64>, #[column(backfill = "id")] other: i64 });
    let by_default = table!(User { id: Option<i64>, #[column(default = "random()")] other: f64 });
    let said = refusal_on(Dialect::MySql, before, by_triggers);
    assert_eq!(said, refusal_on(Dialect::Postgres, before, by_default));
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
    let both = refusal_on(
        Dialect::MySql,
        table!(User {
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
    insta::assert_snapshot!([partial, retyped, fulltext, both].join("\n\n"), @r#"
    column `users.name` goes, and index `users_id_idx` names it in an expression or condition
      help: correct the index, or remove it

    the type of `users.number` changes, and index `x` names the column in an expression or condition
      help: give the index another name in the same change: then it is built anew over the new type, and `x` goes

    columns of `users` change, and it has full-text index `users_name_idx`, with which MySQL changes none of them online
      help: keep the columns as they are, or keep texts to be searched in a table of their own

    MySQL: writers wait while index `users_name_idx` of `users` is built, since it is a full-text index; and from then on, even when it is gone again, MySQL changes no column of the table online
      help: if that is meant, say up to how many rows: `cargo xtask generate --copy-rows N`; a larger table is then left alone
    columns of `users` change, and it gets full-text index `users_name_idx`, after which MySQL changes none of them online: there would be no way back
      help: change the columns in this migration, and add the index in the next
    "#);
}

macro_rules! stated {
    ($(#[$attr:meta])* [$($(#[$value:meta])* $variant:ident),*] $($rest:tt)*) => {{
        #[derive(pontoon::Enum)]
        $(#[$attr])*
        #[allow(dead_code)]
        enum State { $($(#[$value])* $variant),* }
        table!(User $($rest)*)
    }};
}

macro_rules! stateful {
    ($(#[$attr:meta])* [$($values:tt)*]) => {
        stated!($(#[$attr])* [$($values)*] { #[column(primary_key)] id: i64, state: State })
    };
}

/// Every spelling is printed.
#[test]
fn an_enum_that_loses_a_value() {
    insta::assert_snapshot!(refusal(stateful!([Open, Late, Done]), stateful!([Open, Done])), @r#"
    enum `state` loses `late`, which rows and old code may hold
      help: dropped: #[enumeration(dropped("late", becomes = "..."))] on `State`, or #[enumeration(dropped("late"))] if no row holds it; by the row's other columns: #[column(backfill = "...", reverse = "...")] on `User.state`, two SQL expressions that give the value as a text, and the first names 'late'. Where old code must go on writing it: a new enum, #[enumeration(name = "...")], for a new field with #[column(renamed_from = "state", backfill = "...", reverse = "...")]
    "#);
    insta::assert_snapshot!(refusal(stateful!([Open, Late, Done]), stateful!([Open, TooLate, Done, New])), @r#"
    enum `state` loses `late`, which rows and old code may hold
      help: renamed: #[enumeration(renamed_from = "late")] on the variant of `too_late` or `new`; dropped: #[enumeration(dropped("late", becomes = "..."))] on `State`, or #[enumeration(dropped("late"))] if no row holds it; by the row's other columns: #[column(backfill = "...", reverse = "...")] on `User.state`, two SQL expressions that give the value as a text, and the first names 'late'. Where old code must go on writing it: a new enum, #[enumeration(name = "...")], for a new field with #[column(renamed_from = "state", backfill = "...", reverse = "...")]
    "#);
}

#[test]
fn an_enum_whose_values_are_said_to_be_what_they_are_not() {
    let renamed = stateful!([
        Open,
        #[enumeration(renamed_from = "ready")]
        Finished
    ]);
    insta::assert_snapshot!(refusal(stateful!([Open, Done]), renamed), @r#"
    enum `state` loses `done`, which rows and old code may hold
      help: renamed: #[enumeration(renamed_from = "done")] on the variant of `finished`; dropped: #[enumeration(dropped("done", becomes = "..."))] on `State`, or #[enumeration(dropped("done"))] if no row holds it; by the row's other columns: #[column(backfill = "...", reverse = "...")] on `User.state`, two SQL expressions that give the value as a text, and the first names 'done'. Where old code must go on writing it: a new enum, #[enumeration(name = "...")], for a new field with #[column(renamed_from = "state", backfill = "...", reverse = "...")]
    the value `finished` of enum `state` is said to be renamed from `ready`, which is none of its values
      help: correct the value, or remove `renamed_from`
    "#);
    let lower = stateful!(
        #[enumeration(dropped("Done"))]
        [Open, Done]
    );
    insta::assert_snapshot!(refusal(stateful!([Open, #[value("Done")] Done]), lower), @r#"
    the value `done` of enum `state` is new, and `Done` goes, which are one to MySQL
      help: #[enumeration(renamed_from = "Done")] on the variant
    "#);
}

/// Expressions of an earlier migration say nothing of it.
#[test]
fn an_enum_loses_a_value_that_no_expression_names() {
    let after = stated!([Open, Done] {
        #[column(primary_key)]
        id: i64,
        #[column(backfill = "CASE a WHEN 'odd' THEN 'done' ELSE concat(a) END", reverse = "concat(a)")]
        state: State
    });
    let said = refusal(stateful!([Open, Late, Done]), after);
    assert!(said.starts_with("enum `state` loses `late`, which rows and old code may hold"), "{said}");
}

/// PostgreSQL has one type for all columns.
#[test]
fn an_enum_that_changes_while_a_column_of_it_comes_or_goes() {
    let before = stateful!([Open, Done]);
    let after = stated!([Done, Open] { #[column(primary_key)] id: i64, state: State, other: Option<State> });
    insta::assert_snapshot!(refusal(before, after), @r"
    enum `state` loses values or changes their order, and column `users.other`, which has it, is new
      help: do one in this migration and the other in the next
    ");
    let dropped = stated!([Open, Done] (dropped("other")) { #[column(primary_key)] id: i64, state: State });
    insta::assert_snapshot!(refusal(after, dropped), @r"
    enum `state` loses values or changes their order, and column `users.other`, which has it, goes, or has another name or type
      help: do one in this migration and the other in the next
    ");
}

#[test]
fn an_enum_that_changes_beside_other_things() {
    let reordered = |nullable: bool| match nullable {
        true => stated!([Done, Open] { #[column(primary_key)] id: i64, state: Option<State> }),
        false => stated!([Done, Open] { #[column(primary_key)] id: i64, #[column(default = "'done'")] state: State }),
    };
    let before = stateful!([Open, Done]);
    insta::assert_snapshot!(refusal(before, reordered(true)), @r"
    the enum of `users.state` changes, and its nullability or default changes too
      help: do one in this migration and the other in the next
    ");
    insta::assert_snapshot!(refusal(before, reordered(false)), @r"
    the enum of `users.state` changes, and its nullability or default changes too
      help: do one in this migration and the other in the next
    ");
}

/// A text that names what is gone would fail, or mean nothing.
#[test]
fn an_enum_loses_a_value_that_a_text_names() {
    macro_rules! with {
        ($(#[$attr:meta])* [$($values:tt)*]) => {
            stated!($(#[$attr])* [$($values)*] (check(name = "timely", postgres = "state <> 'late' OR id > 0")) {
                #[column(primary_key)] id: i64,
                state: State
            })
        };
    }
    let said = |after| refusal_on(Dialect::Postgres, with!([Open, Late]), after);
    insta::assert_snapshot!(said(with!(#[enumeration(dropped("late", becomes = "open"))] [Open])), @r"
    the enum of `users.state` is to have `late` no longer, and check `timely` names it
      help: correct it in the same change
    ");
    let renamed = said(with!([
        Open,
        #[enumeration(renamed_from = "late")]
        TooLate
    ]));
    assert!(renamed.contains("check `timely` names it"), "{renamed}");
}

#[test]
fn an_enum_that_is_a_key_or_under_a_check_of_mysql() {
    macro_rules! keyed {
        ($($values:tt)*) => { stated!([$($values)*] { #[column(primary_key)] state: State }) };
    }
    let [postgres, mysql] = Dialect::ALL.map(|it| refusal_on(it, keyed!(Open, Done), keyed!(Done, Open)));
    insta::assert_snapshot!(postgres, @r"
    the enum of `users.state` loses values or changes their order, and the column is a key or tied to one
      help: keep the values and their order (some can be added or renamed), or make a new enum for a new column
    ");
    assert!(mysql.contains("--copy-rows N"), "{mysql}");
    macro_rules! checked {
        ($($values:tt)*) => {
            stated!([$($values)*] (check(name = "some", mysql = "state <> 'open' OR id > 0")) {
                #[column(primary_key)] id: i64,
                state: State
            })
        };
    }
    insta::assert_snapshot!(refusal_on(Dialect::MySql, checked!(Open, Done), checked!(Done, Open)), @r#"
    the enum of `users.state` changes, check `some` stands on it, and MySQL renames no column under a check
      help: give the check another name in the same change (`check(name = "...", ...)` on the table): then it goes first, and is added again when the enum has changed; meanwhile nothing holds to `some`
    "#);
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
        e: i64,
        #[column(references(table = "users", on_delete = "cascade"))]
        f: Option<i64>,
        #[column(generated = "f + 1")]
        g: Option<i64>,
        #[column(generated(virtual, postgres = "f + 1", mysql = "f + 1"))]
        h: Option<i64>
    }));
    insta::assert_snapshot!(said, @r#"
    column `users.c` is generated, and names `b`, which is generated too
      help: write out the other's expression
    column `users.d` is generated, and names itself
      help: write the expression over other columns
    column `users.e` is generated, and names `id`, which MySQL numbers too late for it
      help: write it over other columns
    column `users.g` is generated, and stored, and names `f`, whose foreign key deletes its rows by a cascade
      help: MySQL takes none that is stored: make it `virtual`, write it over other columns, or choose another `on_delete`
    "#);
}

/// MySQL: it goes in contract, and till then the column cannot be.
#[test]
fn a_generated_column_over_one_whose_foreign_key_goes() {
    let before = table!(User {
        #[column(primary_key)]
        id: i64,
        #[column(references(table = "users", on_delete = "cascade"))]
        f: Option<i64>
    });
    let after =
        table!(User { #[column(primary_key)] id: i64, f: Option<i64>, #[column(generated = "f + 1")] g: Option<i64> });
    insta::assert_snapshot!(refusal_on(Dialect::MySql, before, after), @r#"
    column `users.g` is new, and generated over a column whose foreign key `users_f_fkey` stands until contract and acts by a cascade: MySQL takes none such
      help: remove the foreign key in this migration, and add the column in the next
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
    let (target, mut intents) = model(&[&def]);
    intents.copy_rows = Some(1);
    let said = plan("0002_x", &source, &target, &intents, Dialect::MySql).expect_err("must be refused").to_string();
    assert!(said.contains("column `users.b` is new, generated when it is read, and takes no NULL"), "{said}");
    assert!(plan("0002_x", &source, &target, &intents, Dialect::Postgres).is_ok());
}

/// Writers would wait for the whole table, so somebody must say that they may.
#[test]
fn what_no_server_does_beside_its_clients_needs_a_word() {
    let before = table!(User {
        #[column(primary_key)]
        id: i64,
        a: i32
    });
    let after = table!(User (check(name = "a_is_small", sql = "a < 1000")) {
        #[column(primary_key)]
        id: i64,
        a: i32,
        #[column(generated = "a + 1")]
        b: i32
    });
    let ((source, _), (target, mut intents)) = (model(&[&before]), model(&[&after]));
    insta::assert_snapshot!(refusal_on(Dialect::Postgres, before, after), @r#"
    PostgreSQL: the stored column `users.b` writes its table anew, and readers and writers wait for all of it; there is no other way to such a column in every version
      help: if that is meant, say up to how many rows: `cargo xtask generate --copy-rows N`; a larger table is then left alone
    "#);
    insta::assert_snapshot!(refusal_on(Dialect::MySql, before, after), @r#"
    MySQL: the stored column `users.b` copies its table, and writers wait for the whole copy; one that is `virtual` does not
      help: if that is meant, say up to how many rows: `cargo xtask generate --copy-rows N`; a larger table is then left alone
    "#);
    intents.copy_rows = Some(500);
    let warnings = plan("0002_x", &source, &target, &intents, Dialect::MySql).unwrap().warnings;
    insta::assert_snapshot!(warnings.join("\n"), @r#"
    MySQL: the stored column `users.b` copies its table, and writers wait for the whole copy; one that is `virtual` does not. It is refused where there are more than 500 rows (`--copy-rows`)
    MySQL: check `a_is_small` copies table `users`, and writers wait for the whole copy; without `--copy-rows`, or with `--guard a_is_small`, triggers hold to it instead. It is refused where there are more than 500 rows (`--copy-rows`)
    "#);
    intents.guarded_checks.insert("a_is_small".into());
    let warnings = plan("0002_x", &source, &target, &intents, Dialect::MySql).unwrap().warnings;
    insta::assert_snapshot!(warnings[1], @"MySQL: triggers hold `users` to check `a_is_small`, which stays NOT ENFORCED, since enforcing it copies the table while writers wait (`--copy-rows N`). They give the server's own error (3819), with IGNORE too, and run as the account that runs this migration: while they are there it must be too");
}

/// What is said of a check by its name must be about one.
#[test]
fn checks_that_nobody_can_guard_or_enforce() {
    let plain = table!(User {
        #[column(primary_key)]
        id: i64,
        a: i32
    });
    let checked = table!(User (check(name = "a_is_small", sql = "a < 1000")) {
        #[column(primary_key)]
        id: i64,
        a: i32
    });
    let ((nothing, _), (source, _), (target, mut intents)) = (model(&[&plain]), model(&[&checked]), model(&[&checked]));
    intents.copy_rows = Some(500);
    // there already; and never held by triggers, since its table began with it
    intents.guarded_checks.insert("a_is_small".into());
    intents.enforced_checks.insert("a_is_small".into());
    let said = plan("0002_x", &source, &target, &intents, Dialect::MySql).expect_err("must be refused").to_string();
    insta::assert_snapshot!(said, @r"
    check `a_is_small` is said to be enforced from now on, and no table has one of that name that triggers hold
      help: correct the name after `--enforce`
    check `a_is_small` is said to be held by triggers, and no table gets a check of that name
      help: correct the name after `--guard`
    ");
    // its table is on its way to another name
    let mut guarded = nothing.clone();
    guarded
        .tables
        .insert("users".into(), pontoon::diff::settled(&nothing, &target, &Intents::default()).tables["users"].clone());
    #[derive(Table)]
    #[table(name = "people", renamed_from = "users", check(name = "a_is_small", sql = "a < 1000"))]
    #[allow(dead_code)]
    struct People {
        #[column(primary_key)]
        id: i64,
        a: i32,
    }
    let (people, mut renaming) = model(&[&People::DEF]);
    renaming.copy_rows = Some(500);
    assert!(plan("0002_x", &guarded, &people, &renaming, Dialect::MySql).is_ok());
    renaming.enforced_checks.insert("a_is_small".into());
    let said = plan("0002_x", &guarded, &people, &renaming, Dialect::MySql).expect_err("must be refused").to_string();
    assert!(
        said.contains("check `a_is_small` is said to be enforced from now on, and its table is renamed to `people`"),
        "{said}"
    );
    // two words about one
    let said = plan("0002_x", &nothing, &target, &intents, Dialect::MySql).expect_err("must be refused").to_string();
    assert!(said.contains("is said to be enforced from now on") && !said.contains("held by triggers, and"), "{said}");
}

#[test]
fn checks_of_one_name_and_checks_of_a_column_that_goes() {
    #[derive(Table)]
    #[table(name = "others", check(name = "Is_Small", sql = "b < 9"))]
    #[allow(dead_code)]
    struct Other {
        #[column(primary_key)]
        id: i64,
        b: i32,
    }
    let checked = table!(User (check(name = "is_small", sql = "a < 1000")) {
        #[column(primary_key)]
        id: i64,
        a: i32,
        b: i32
    });
    let said = from_defs(&[&Other::DEF, &checked]).expect_err("must be refused").to_string();
    assert!(
        said.ends_with(
            "check `is_small` of table `users` has the name of one of table `others`\n  help: give one of them another \
             `name = \"...\"`: MySQL has one space of names for the checks of all tables"
        ),
        "{said}"
    );
    let without = table!(User (dropped("a"), check(name = "is_small", sql = "a < 1000")) {
        #[column(primary_key)]
        id: i64,
        b: i32
    });
    let renamed = table!(User (check(name = "is_small", sql = "a < 1000")) {
        #[column(primary_key)]
        id: i64,
        #[column(renamed_from = "a")]
        c: i32,
        b: i32
    });
    insta::assert_snapshot!([without, renamed].map(|after| refusal(checked, after)).join("\n"), @r"
    column `users.a` goes, and check `is_small` names it
      help: correct the check, or remove it
    column `users.a` goes, and check `is_small` names it
      help: correct the check, or remove it
    ");
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
    let user = table!(User (
        index(key(expression = "mod(id, 2)"), name = "users_parity"),
        index(key(expression = "mod(id, 2)"), name = "users_postgres_parity", only = "postgres")
    ) {
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
    index `users_parity` is over an expression of `users.id`, an identity, and MySQL takes none over one
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
    let narrower = table!(User {
        #[column(unique)]
        id: i32,
        #[column(unique)]
        a: Option<i32>
    });
    let said = [nullable, dropped, narrower].map(|after| refusal_on(Dialect::MySql, before(), after));
    insta::assert_snapshot!(said.join("\n"), @r"
    column `users.id` takes NULL, and MySQL keeps the rows of a table without a primary key by a unique index like `users_id_key`: its columns do not come to take NULL online
      help: keep the column NOT NULL, or copy the rows into a table with a primary key
    index `users_id_key` of table `users` goes, and MySQL keeps the rows of a table without a primary key by such a unique index: it does not go online
      help: keep the index, or copy the rows into a table with a primary key
    the type of `users.id` changes, and MySQL keeps the rows of a table without a primary key by a unique index like `users_id_key`: no other column takes the place of this one online
      help: give the table a primary key in a migration before this one
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
    let said = refusal_on(Dialect::MySql, before, after);
    insta::assert_snapshot!(said, @r"
    column `users.name` takes NULL, and MySQL changes no column in place where it enforces a check over a date, a time, an enum or a text without a length, as check `users_born_check` over `users.born`
      help: remove the check in a migration before this one, and add it again after it: then triggers hold to it, and are in no column's way
    ");
    let (mut source, _) = model(&[&before]);
    let (target, intents) = model(&[&after]);
    plan("0002_x", &source, &target, &intents, Dialect::Postgres).unwrap();
    // held by triggers it is in nobody's way
    for check in source.tables.get_mut("users").unwrap().checks.values_mut() {
        check.guarded = true;
    }
    plan("0002_x", &source, &target, &intents, Dialect::MySql).unwrap();
}

/// It goes in contract, and the check would come before.
#[test]
fn a_check_over_what_a_foreign_key_writes_until_contract() {
    macro_rules! notes {
        ($($column:tt)*) => {{
            #[derive(Table)]
            #[table(name = "notes", index("of"))]
            #[allow(dead_code)]
            struct Note {
                #[column(primary_key)]
                id: i64,
                #[column($($column)*)]
                of: Option<i64>,
            }
            Note::DEF
        }};
    }
    let before = notes!(references(table = "notes", on_delete = "set null"));
    let after = notes!(check = "of > 0");
    let said = refusal_on(Dialect::MySql, before, after);
    insta::assert_snapshot!(said, @r"
    check `notes_of_check` is over `notes.of`, which foreign key `notes_of_fkey` writes until contract, and MySQL takes no check over a column that a foreign key writes
      help: let the foreign key go in a migration before this one
    ");
    let (source, _) = model(&[&before]);
    let (target, intents) = model(&[&after]);
    plan("0002_x", &source, &target, &intents, Dialect::Postgres).unwrap();
    let free = model(&[&notes!()]).0;
    plan("0002_x", &free, &target, &intents, Dialect::MySql).unwrap();
}

/// An index over an expression has a hidden column of its name. Whichever way it gets another name, contract must not be the first
/// to meet the server's refusal.
#[test]
fn an_index_over_an_expression_beside_a_check_that_mysql_takes_for_another_one() {
    macro_rules! users {
        ($table:literal, ($($attr:tt)*)) => {{
            #[derive(Table)]
            #[table(name = $table, check(name = "born_is", sql = "born > '1900-01-01'"), $($attr)*)]
            #[allow(dead_code)]
            struct User {
                #[column(primary_key)]
                id: i64,
                born: chrono::NaiveDate,
                #[column(length = 20)]
                name: String,
            }
            User::DEF
        }};
    }
    let before = users!("users", (index(key(expression = "upper(name)"), name = "users_upper")));
    let renamed = users!("users", (index(key(expression = "upper(name)"), name = "by_upper")));
    let replaced = users!("users", (index(key(expression = "lower(name)"), name = "users_upper")));
    let moved =
        users!("people", (renamed_from = "users", index(key(expression = "upper(name)"), name = "people_upper")));
    for (after, [index, table]) in
        [(renamed, ["by_upper", "users"]), (replaced, ["users_upper", "users"]), (moved, ["people_upper", "people"])]
    {
        let said = refusal_on(Dialect::MySql, before, after);
        let start = format!(
            "index `{index}` of `{table}` is over an expression and gets this name in contract, and MySQL changes no column"
        );
        assert!(said.contains(&start) && said.contains("as check `born_is`"), "{said}");
        let (mut source, _) = model(&[&before]);
        let (target, mut intents) = model(&[&after]);
        // a new index over an expression is another matter
        intents.copy_rows = Some(1000);
        plan("0002_x", &source, &target, &intents, Dialect::Postgres).unwrap();
        for check in source.tables.get_mut("users").unwrap().checks.values_mut() {
            check.guarded = true;
        }
        plan("0002_x", &source, &target, &intents, Dialect::MySql).unwrap();
    }
}

/// Every change that defines a column again, or gives it another name.
#[test]
fn columns_beside_a_check_that_mysql_takes_for_another_one() {
    #[derive(pontoon::Enum)]
    #[allow(dead_code)]
    enum State {
        Open,
        Done,
    }
    macro_rules! beside {
        (($($attr:tt)*) $($fields:tt)*) => {
            table!(User ($($attr)*) {
                #[column(primary_key)]
                id: i64,
                #[column(check = "state <> 'done'")]
                state: State,
                $($fields)*
            })
        };
        ($($fields:tt)*) => {
            beside!(() $($fields)*)
        };
    }
    let pairs = [
        (beside! { #[column(length = 20)] a: String }, beside! { #[column(length = 30)] a: String }),
        (beside! { a: i32 }, beside! { a: i64 }),
        (beside! { a: chrono::NaiveDateTime }, beside! { #[column(default = "now()")] a: chrono::NaiveDateTime }),
        (
            beside! { #[column(default(postgres = "'x'", mysql = "('x')"))] a: Option<String> },
            beside! { a: Option<String> },
        ),
        (beside! { #[column(unique)] gone: i32 }, beside! { (dropped("gone")) }),
        (beside! { a: i32 }, beside! { a: i32, #[column(backfill = "cast('{}' as json)")] more: serde_json::Value }),
        (beside! { a: Option<i32> }, beside! { #[column(backfill = "1")] a: i32 }),
    ];
    let said = pairs.map(|(before, after)| {
        let said = refusal_on(Dialect::MySql, before, after);
        assert!(said.contains(", as check `users_state_check` over `users.state`\n"), "{said}");
        said.split(", and MySQL").next().unwrap_or_default().to_owned()
    });
    insta::assert_snapshot!(said.join("\n"), @r"
    column `users.a` gets a wider type
    column `users.a` changes names with the one of another type
    column `users.a` gets or loses a default
    column `users.a` gets or loses a default
    column `users.gone` goes, and takes NULL until it does so that new code may leave it out
    column `users.more` comes to take no NULL when it is filled
    column `users.a` takes no NULL any more
    ");
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

#[test]
fn columns_that_give_their_place_without_a_way_back() {
    let before = || {
        table!(User {
            #[column(primary_key)]
            id: i64,
            #[column(length = 40)]
            name: String,
            #[column(length = 2)]
            country: String
        })
    };
    macro_rules! after {
        (($($dropped:tt)*) $backfill:literal $(, $more:ident)*) => {
            table!(User ($($dropped)*) {
                #[column(primary_key)]
                id: i64,
                #[column(length = 2)]
                country: String,
                #[column(length = 40, backfill = $backfill)]
                first: String,
                $(#[column(length = 40)] $more: String,)*
            })
        };
    }
    let said = [
        refusal(before(), after!((dropped("name")) "left(name, 5)")),
        refusal(before(), after!((dropped("name", reverse = "'none'")) "left(name, 5)")),
        refusal(before(), after!((dropped("name", reverse = "concat(first, last)")) "left(name, 5)", last)),
        refusal(before(), after!((dropped("name", reverse = "concat(first, country)")) "left(name, 5)")),
        refusal(before(), after!((dropped("name", reverse = "first")) "concat(name, country)")),
        refusal(before(), after!((dropped("name", reverse = "'none'")) "left(country, 5)")),
        refusal(
            before(),
            table!(User (dropped("name", reverse = "first")) {
                #[column(primary_key)]
                id: i64,
                #[column(length = 2)]
                country: String,
                #[column(length = 40, renamed_from = "name")]
                first: String,
            }),
        ),
        refusal_on(Dialect::MySql, before(), after!((dropped("name", reverse(postgres = "first"))) "left(name, 5)")),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    column `users.name` goes and `users.first` follows from it, so until contract old code reads what new code no longer writes
      help: both ways: #[table(dropped("name", reverse = "..."))] on the struct of `users`, its value over the new columns; if old code can do without: #[table(dropped("name", one_way))]
    the `reverse` of `users.name` names no new column, so old code would not see what new code writes
      help: write it over the new columns; or, if that is meant: #[table(dropped("name", one_way))]
    `first`, `last` of `users` in the place of `name`: `last` has no `backfill`
      help: add #[column(backfill = "...")], an SQL expression over the columns that go
    the `reverse` of `users.name` names `country`, which is not of the columns that take each other's place: when it changes alone, it cannot be told which of them are to follow
      help: write it without `country`, over the columns of the other side and the key; if `country` goes too, give it a `reverse`
    the `backfill` of `users.first` names `country`, which is not of the columns that take each other's place: when it changes alone, it cannot be told which of them are to follow
      help: write it without `country`, over the columns of the other side and the key; if `country` goes too, give it a `reverse`
    column `users.name` has a `reverse`, which names no new column
      help: write it over the new columns that follow from it, or remove it
    column `users.name` is said to be renamed, and to give its place to others
      help: remove `renamed_from`, or remove "name" from #[table(dropped(...))]
    `first` of `users` in the place of `name`: `name` has no `reverse` for mysql
      help: say it for both: #[table(dropped("name", reverse(postgres = "...", mysql = "...")))]
    "#);
}

/// A column that is a key, or that a key ties, stays where it is.
#[test]
fn columns_whose_place_others_cannot_take() {
    let said = refusal(
        table!(User {
            #[column(primary_key)]
            id: i64,
            #[column(length = 40)]
            name: String
        }),
        table!(User (dropped("id", reverse = "number")) {
            #[column(primary_key, backfill = "id")]
            number: i64,
            #[column(length = 40)]
            name: String
        }),
    );
    insta::assert_snapshot!(said, @r#"
    column `users.id` is part of the primary key, and is dropped
      help: move `primary_key` to other fields in one migration, and drop the column in the next
    column `users.id` is part of the primary key, and gives its place to others
      help: keep the column
    "#);
}

/// A value has one place in each table, or it stays where it is.
#[test]
fn columns_that_do_not_move() {
    macro_rules! users {
        ($($body:tt)*) => {
            table!(User { #[column(primary_key)] id: i64, $($body)* })
        };
    }
    macro_rules! notes {
        ($($body:tt)*) => {{
            #[derive(Table)]
            #[table(name = "notes")]
            #[allow(dead_code)]
            struct Note {
                #[column(primary_key)]
                id: i64,
                $($body)*
            }
            Note::DEF
        }};
    }
    let said = |before: &[TableDef], after: &[TableDef]| {
        let [before, after] = [before, after].map(|defs| model(&defs.iter().collect::<Vec<_>>()));
        let said = plan("0002_x", &before.0, &after.0, &after.1, Dialect::Postgres).expect_err("must be refused");
        assert_eq!(Err(&said), plan("0002_x", &before.0, &after.0, &after.1, Dialect::MySql).as_ref());
        said.0.iter().map(|it| format!("{}\n  help: {}", it.message, it.help)).collect::<Vec<_>>().join("\n")
    };
    let old = users!(#[column(length = 9)] bio: Option<String>);
    let tied = notes!(#[column(unique, references(table = "users"))] user_id: i64,);
    let moved = notes!(
        #[column(unique, references(table = "users"))]
        user_id: i64,
        #[column(length = 9, moved_from(table = "users", column = "bio"))]
        bio: Option<String>,
    );
    let said = [
        // still there, or never there
        said(&[old, tied], &[old, moved]),
        said(&[users!(), tied], &[users!(), moved]),
        // no NULL between the two rows
        said(&[users!(#[column(length = 9)] bio: String), tied], &[users!(), moved]),
        // another type
        said(&[users!(#[column(length = 7)] bio: Option<String>), tied], &[users!(), moved]),
        // many to one
        said(
            &[old, notes!(#[column(references(table = "users"))] user_id: i64,)],
            &[
                users!(),
                notes!(
                    #[column(references(table = "users"))]
                    user_id: i64,
                    #[column(length = 9, moved_from(table = "users", column = "bio"))]
                    bio: Option<String>,
                ),
            ],
        ),
        said(
            &[
                users!(#[column(length = 9)] bio: Option<String>, #[column(references(table = "notes"))] note_id: i64),
                notes!(),
            ],
            &[
                users!(#[column(references(table = "notes"))] note_id: i64),
                notes!(#[column(length = 9, moved_from(table = "users", column = "bio"))] bio: Option<String>,),
            ],
        ),
        // the pairing is new
        said(&[old, notes!()], &[users!(), moved]),
        // no row can be made
        said(
            &[old],
            &[
                users!(),
                notes!(
                    #[column(unique, references(table = "users"))]
                    user_id: i64,
                    #[column(length = 9, moved_from(table = "users", column = "bio"))]
                    bio: Option<String>,
                ),
            ],
        ),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    column `notes.bio` is said to be moved from `users.bio`, which is still a field
      help: remove the field there; it is kept for old code until contract
    column `notes.bio` is said to be moved from `users.bio`, which is not there to be moved
      help: correct the names, or remove `moved_from`
    column `notes.bio` is moved from `users.bio`, and one of them takes no NULL, has a default or is generated: new code makes the row of `users` first, and until its row of `notes` is there old code reads one without a value
      help: make both an `Option` without a default: the old one in a migration before this one
    column `notes.bio` is moved from `users.bio`, and its type changes too
      help: move it as it is, and change the type in the next migration
    column `notes.bio` is moved from `users.bio`, and no foreign key on a unique column pairs their rows
      help: a column of `notes` that is unique (or its primary key) and refers to `users` pairs them: #[column(unique, references(table = "users"))]
    column `notes.bio` is moved from `users.bio`, and many rows of the old table may refer to one of the new one, and their values may differ
      help: a column of `notes` that is unique (or its primary key) and refers to `users` pairs them: #[column(unique, references(table = "users"))]
    column `notes.user_id` is new and takes no NULL, so the rows that are there need a value
      help: add #[column(backfill = "...")] (an SQL expression over the row) or #[column(default = "...")], or make the field an `Option`
    column `notes.bio` is moved from `users.bio`, and what pairs their rows is new or changes in the same migration
      help: make the foreign key and its unique index in one migration, and move the column in the next
    column `notes.bio` is moved from `users.bio`, and a row of `notes` cannot be made for a value: `id` takes no NULL and has no default
      help: give `id` a default, or make it an `Option`; a later migration can take that away
    "#);
}

/// What a table that is renamed away has of its own: names of indexes, and an enum.
#[test]
fn what_a_dropped_table_keeps_comes_no_second_time() {
    #[derive(pontoon::Enum)]
    #[enumeration(name = "paper")]
    #[allow(dead_code)]
    enum Paper {
        Matte,
        Glossy,
    }
    #[derive(pontoon::Enum)]
    #[enumeration(name = "paper", dropped("glossy"))]
    #[allow(dead_code)]
    enum Matte {
        Matte,
    }
    #[derive(Table)]
    #[table(name = "faxes")]
    #[allow(dead_code)]
    struct Fax {
        #[column(primary_key)]
        id: i64,
        paper: Paper,
    }
    #[derive(Table)]
    #[table(name = "faxes", renamed_from = "users")]
    #[allow(dead_code)]
    struct Renamed {
        #[column(primary_key)]
        id: i64,
    }
    let plain = || {
        table!(User {
            #[column(primary_key)]
            id: i64
        })
    };
    let with = || table!(User { #[column(primary_key)] id: i64, likes: Option<Paper> });
    let without = || table!(User { #[column(primary_key)] id: i64, likes: Option<Matte> });
    let said = |before: TableDef, after: &[&TableDef]| {
        let ((both, _), (one, _)) = (model(&[&before, &Fax::DEF]), model(&[&before]));
        let intents = Intents { dropped_tables: ["faxes".to_owned()].into(), ..Intents::default() };
        let source = one.keeping(&both, &intents, "0002_drop_faxes");
        let (target, intents) = model(after);
        let said = plan("0003_x", &source, &target, &intents, Dialect::Postgres).expect_err("must be refused");
        said.0.iter().map(|it| format!("{}\n  help: {}", it.message, it.help)).collect::<Vec<_>>().join("\n")
    };
    let said = [
        said(plain(), &[&plain(), &Fax::DEF]),
        said(plain(), &[&Renamed::DEF]),
        said(plain(), &[&without()]),
        said(with(), &[&without()]),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    table `faxes` comes, and the one of that name that `0002_drop_faxes` has dropped is still there as `pontoon_dropped_faxes`, whose indexes and keys have the names that those of the new one would have
      help: let that go for good first, in a migration of its own (`cargo xtask generate --purge-table faxes`); or give the new one another name
    table `faxes` comes, and the one of that name that `0002_drop_faxes` has dropped is still there as `pontoon_dropped_faxes`, whose indexes and keys have the names that those of the new one would have
      help: let that go for good first, in a migration of its own (`cargo xtask generate --purge-table faxes`); or give the new one another name
    enum `paper` comes with other values than it has in `pontoon_dropped_faxes`, which was `faxes` until `0002_drop_faxes` dropped it and keeps its rows
      help: let that table go for good first (`cargo xtask generate --purge-table faxes`); or give the enum the values that it had, or another name
    enum `paper` loses values or changes their order, and `pontoon_dropped_faxes`, which was `faxes` until `0002_drop_faxes` dropped it and keeps its rows, has it too: its type could not go
      help: let that table go for good first: `cargo xtask generate --purge-table faxes`
    "#);
}
