//! A struct's staged migration, as a value.

use pontoon::migration::{Migration, Stage, Step, file};
use pontoon::plan::plan;
use pontoon::schema::{Schema, from_defs};
use pontoon::{Dialect, Schema as _, Table};

#[allow(dead_code, unreachable_pub)]
mod before {
    use pontoon::Table;

    #[derive(Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, identity)]
        pub id: i64,
        #[column(unique, length = 320)]
        pub email: String,
        #[column(length = 20)]
        pub fax: String,
    }
}

#[allow(dead_code, unreachable_pub)]
#[derive(Table)]
#[table(name = "users", dropped("fax"))]
pub struct User {
    #[column(primary_key, identity)]
    pub id: i64,
    #[column(unique, length = 320)]
    pub email: String,
    #[column(length = 64, backfill(postgres = "split_part(email, '@', 1)", mysql = "substring_index(email, '@', 1)"))]
    pub display_name: String,
    #[column(length = 9, backfill = "'de'")]
    pub language: Option<String>,
    #[column(default(postgres = "gen_random_uuid()", mysql = "uuid_to_bin(uuid())"))]
    pub public_id: uuid::Uuid,
}

mod small_integer {
    use pontoon::Table;

    #[allow(dead_code)]
    #[derive(Table)]
    #[table(name = "users", dropped("fax"))]
    pub(super) struct User {
        #[column(primary_key, identity)]
        id: i64,
        #[column(unique, length = 320)]
        email: String,
        #[column(backfill = "length(email)")]
        opacity: u8,
    }
}

fn source() -> Schema {
    from_defs(&[&<before::User as Table>::DEF]).expect("the source is right").0
}

/// Where in the migration the first statement with that text stands.
#[track_caller]
fn position(migration: &Migration, part: &str) -> usize {
    let has = |(_, step): &(Stage, Step)| match step {
        Step::Statement(it) => it.sql.contains(part),
        Step::Backfill(it) => it.walks[0].sql.contains(part),
        Step::Assertion(it) => it.sql.contains(part),
        Step::Search(it) => it.sql.contains(part),
    };
    migration.steps.iter().position(has).unwrap_or_else(|| panic!("nothing says `{part}`"))
}

#[test]
fn postgres_takes_each_step_after_what_it_needs() {
    let migration = User::stages(&source(), Dialect::Postgres).unwrap();
    let order = [
        "ADD COLUMN \"display_name\" varchar(64)",
        "CREATE FUNCTION \"pontoon_users_display_name\"",
        // a row that is inserted with a value must not change before the other trigger is there
        "CREATE TRIGGER \"pontoon_users_display_name_upd\"",
        "CREATE TRIGGER \"pontoon_users_display_name_ins\"",
        "UPDATE \"users\" SET \"display_name\"",
        "CHECK (\"display_name\" IS NOT NULL) NOT VALID",
        "VALIDATE CONSTRAINT \"pontoon_users_display_name_not_null\"",
        "ALTER COLUMN \"display_name\" SET NOT NULL",
        "DROP TRIGGER \"pontoon_users_display_name_ins\"",
    ];
    let places: Vec<_> = order.iter().map(|it| position(&migration, it)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(position(&migration, "SET DEFAULT ''") < position(&migration, "DROP COLUMN \"fax\""));
}

#[test]
fn mysql_rebuilds_nothing() {
    let migration = User::stages(&source(), Dialect::MySql).unwrap();
    let order = [
        "ADD COLUMN `display_name` varchar(64) NOT NULL DEFAULT",
        "CREATE TRIGGER `pontoon_users_display_name_ins`",
        "UPDATE `users` SET `display_name`",
        "ALTER COLUMN `display_name` DROP DEFAULT",
        "DROP TRIGGER `pontoon_users_display_name_ins`",
    ];
    let places: Vec<_> = order.iter().map(|it| position(&migration, it)).collect();
    assert!(places.is_sorted(), "{places:?}");
    for (_, step) in &migration.steps {
        if let Step::Statement(it) = step {
            assert!(it.claim.rewrites.is_empty(), "{}", it.sql);
            assert!(!it.sql.starts_with("ALTER") || it.sql.contains("ALGORITHM=INSTANT"), "{}", it.sql);
        }
    }
}

#[test]
fn only_contract_has_no_way_back() {
    for dialect in Dialect::ALL {
        for (stage, step) in User::stages(&source(), dialect).unwrap().steps {
            if let Step::Statement(it) = step {
                let impossible = matches!(it.undo, pontoon::migration::Undo::Impossible(_));
                assert_eq!(impossible, stage == Stage::Contract, "{}", it.sql);
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for dialect in Dialect::ALL {
        let texts: Vec<_> = (0..3).map(|_| file::render(&User::stages(&source(), dialect).unwrap())).collect();
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
        let read = file::parse("users", dialect, "f", &texts[0]).unwrap();
        assert_eq!(file::render(&read), texts[0]);
    }
}

#[test]
fn an_equal_schema_needs_nothing() {
    let (schema, _) = from_defs(shop::Shop::TABLES).unwrap();
    for dialect in Dialect::ALL {
        assert_eq!(shop::Order::stages(&schema, dialect).unwrap().steps, []);
    }
}

#[test]
fn a_marker_that_applications_write_is_warned_of() {
    let (target, intents) = from_defs(&[&<small_integer::User as Table>::DEF]).unwrap();
    let warnings = |dialect| plan("1", &source(), &target, &intents, dialect).unwrap().warnings;
    let mysql = warnings(Dialect::MySql);
    assert!(mysql.iter().any(|it| it.contains("a 255 that new code writes into `users.opacity`")), "{mysql:?}");
    assert_eq!(warnings(Dialect::Postgres), Vec::<String>::new());
}

mod before_of_a_long_name {
    use pontoon::Table;

    #[allow(dead_code)]
    #[derive(Table)]
    #[table(name = "a_table_whose_name_is_as_long_as_a_name_can_be_on_the_servers__")]
    pub(super) struct Long {
        #[column(primary_key)]
        id: i64,
        tenant: i64,
        #[column(length = 20, default = "'a'")]
        kind: String,
    }
}

mod after_of_a_long_name {
    use pontoon::Table;

    #[allow(dead_code)]
    #[derive(Table)]
    #[table(name = "a_table_whose_name_is_as_long_as_a_name_can_be_on_the_servers__")]
    pub(super) struct Long {
        #[column(primary_key)]
        tenant: i64,
        #[column(primary_key)]
        id: i64,
        #[column(default = "'a'")]
        kind: String,
    }
}

fn of_a_long_name() -> String {
    let model = |def| from_defs(&[def]).expect("it is right");
    let (before, _) = model(&<before_of_a_long_name::Long as Table>::DEF);
    let (after, intents) = model(&<after_of_a_long_name::Long as Table>::DEF);
    let plan = plan("0002", &before, &after, &intents, Dialect::Postgres).expect("a plan");
    file::render(&plan.migration)
}

/// The server cut the key's name, and `ALTER TABLE` did not find the whole one.
#[test]
fn a_key_is_named_as_the_server_named_it() {
    let text = of_a_long_name();
    let name = "a_table_whose_name_is_as_long_as_a_name_can_be_on_the_serv_pkey";
    assert!(text.contains(&format!("DROP CONSTRAINT \"{name}\", ADD CONSTRAINT \"{name}\" PRIMARY KEY")), "{text}");
}

/// The server went on to show the default as one of the type of before, which a table made anew has not.
#[test]
fn a_wider_text_has_its_default_again() {
    let text = of_a_long_name();
    assert!(text.contains("ALTER COLUMN \"kind\" TYPE text, ALTER COLUMN \"kind\" SET DEFAULT 'a';"), "{text}");
}
