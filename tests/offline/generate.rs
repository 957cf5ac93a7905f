//! `cargo xtask generate` on a folder: what it writes, and what it will not touch.

use std::fs;
use std::path::Path;

use pontoon::Table;
use pontoon::def::TableDef;
use pontoon_xtask::generate::{Failure, GenerateArgs, run_in};

#[allow(dead_code, unreachable_pub)]
mod first {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, identity)]
        pub id: i64,
    }
}

#[allow(dead_code, unreachable_pub)]
mod second {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, identity)]
        pub id: i64,
        pub age: Option<i32>,
    }
}

#[allow(dead_code, unreachable_pub)]
mod third {
    #[derive(pontoon::Table)]
    #[table(name = "users")]
    pub struct User {
        #[column(primary_key, identity)]
        pub id: i64,
        pub age: Option<i32>,
        pub height: Option<i32>,
    }
}

const FIRST: &[&TableDef] = &[&<first::User as Table>::DEF];
const SECOND: &[&TableDef] = &[&<second::User as Table>::DEF];
const THIRD: &[&TableDef] = &[&<third::User as Table>::DEF];

fn generate(folder: &Path, tables: &[&TableDef]) -> Result<String, String> {
    with(folder, tables, GenerateArgs::default())
}

fn with(folder: &Path, tables: &[&TableDef], args: GenerateArgs) -> Result<String, String> {
    run_in(folder, tables, &args).map_err(|failure| match failure {
        Failure::Refused(text) => text,
        Failure::Io(text) => panic!("{text}"),
    })
}

fn check() -> GenerateArgs {
    GenerateArgs { check: true, ..GenerateArgs::default() }
}

/// All files below a folder with their texts.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(texts(&path));
        } else {
            all.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn each_change_becomes_a_migration_and_no_change_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    assert!(generate(path, FIRST).unwrap().ends_with("agree: nothing to do."));
    generate(path, SECOND).unwrap();
    for file in
        ["0001_initial/postgres.sql", "0002_add_users_age/mysql.sql", "0002_add_users_age/snapshot.json", "index.rs"]
    {
        assert!(path.join(file).exists(), "{file}");
    }
    assert!(with(path, SECOND, check()).is_ok());
}

#[test]
fn check_and_dry_run_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let before = texts(path);
    let said = with(path, SECOND, check()).unwrap_err();
    assert!(said.contains("0002_add_users_age") && said.contains("run `cargo xtask generate`"), "{said}");
    let printed = with(path, SECOND, GenerateArgs { dry_run: true, ..GenerateArgs::default() }).unwrap();
    assert!(printed.contains("ALTER TABLE \"users\" ADD COLUMN \"age\" integer;"), "{printed}");
    assert!(printed.contains("ALTER TABLE `users` ADD COLUMN `age` int NULL, ALGORITHM=INSTANT;"), "{printed}");
    assert_eq!(texts(path), before);
}

#[test]
fn an_edit_by_hand_is_an_error_until_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let file = path.join("0001_initial/postgres.sql");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("bigint", "int")).unwrap();
    let before = texts(path);
    for args in [GenerateArgs::default(), check()] {
        let said = with(path, SECOND, args).unwrap_err();
        assert!(said.contains("0001_initial/postgres.sql was edited after it was recorded"), "{said}");
        assert!(said.contains("cargo xtask generate --record"), "{said}");
    }
    assert_eq!(texts(path), before);
    let said = with(path, FIRST, GenerateArgs { record: true, ..GenerateArgs::default() }).unwrap();
    assert!(said.contains("0001_initial/postgres.sql"), "{said}");
    assert!(with(path, FIRST, check()).is_ok());
}

#[test]
fn an_edit_that_is_not_understood_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let file = path.join("0001_initial/mysql.sql");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("-- @done", "-- @dun")).unwrap();
    let said = with(path, FIRST, GenerateArgs { record: true, ..GenerateArgs::default() }).unwrap_err();
    assert!(said.contains("0001_initial/mysql.sql:8:4: `@dun` is none of: stage,"), "{said}");
}

#[test]
fn two_branches_meet_and_one_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let ours = tempfile::tempdir().unwrap();
    for (file, text) in texts(path) {
        let to = ours.path().join(Path::new(&file).strip_prefix(path).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }
    // they add `age`; we add `height`, not knowing of `age`
    generate(path, SECOND).unwrap();
    let mut alone = (*THIRD[0]).to_owned();
    let columns: Vec<_> = THIRD[0].columns.iter().filter(|it| it.name != "age").copied().collect();
    alone.columns = columns.leak();
    generate(ours.path(), &[&alone]).unwrap();
    // the merge: both folders, and an index in conflict
    let [theirs, mine] = [path, ours.path()].map(|it| fs::read_to_string(it.join("index.rs")).unwrap());
    fs::create_dir_all(path.join("0002_add_users_height")).unwrap();
    for file in ["postgres.sql", "mysql.sql", "snapshot.json"] {
        let from = ours.path().join("0002_add_users_height").join(file);
        fs::copy(from, path.join("0002_add_users_height").join(file)).unwrap();
    }
    fs::write(path.join("index.rs"), format!("<<<<<<< HEAD\n{theirs}=======\n{mine}>>>>>>> ours\n")).unwrap();
    let said =
        with(path, THIRD, GenerateArgs { rebase: Some("0002_add_users_height".into()), ..GenerateArgs::default() })
            .unwrap();
    assert!(said.contains("0003_add_users_height"), "{said}");
    assert!(!path.join("0002_add_users_height").exists());
    assert!(with(path, THIRD, check()).is_ok());
}

#[test]
fn a_folder_that_would_never_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    fs::create_dir(path.join("0009_lost")).unwrap();
    let said = generate(path, FIRST).unwrap_err();
    assert!(said.contains("0009_lost is not in the index, so it would never run"), "{said}");
    fs::remove_dir(path.join("0009_lost")).unwrap();
    fs::remove_file(path.join("0001_initial/mysql.sql")).unwrap();
    let said = generate(path, FIRST).unwrap_err();
    assert!(said.contains("0001_initial/mysql.sql is in the index and not on disk"), "{said}");
}

#[test]
fn a_name_that_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let args = GenerateArgs { name: Some("../x".into()), ..GenerateArgs::default() };
    let said = with(folder.path(), FIRST, args).unwrap_err();
    assert!(said.contains("`../x` cannot be a migration's name"), "{said}");
    assert!(texts(folder.path()).is_empty());
}

#[test]
fn a_table_goes_only_when_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let mut other = *FIRST[0];
    other.name = "others";
    let other: &TableDef = &other;
    generate(path, &[FIRST[0], other]).unwrap();
    let said = generate(path, FIRST).unwrap_err();
    assert!(said.contains("table `others` is in the last migration and no longer in the schema"), "{said}");
    assert!(said.contains("dropped: `cargo xtask generate --drop-table others`"), "{said}");
    let drop = |table: &str| GenerateArgs { drop_tables: vec![table.to_owned()], ..GenerateArgs::default() };
    let said = with(path, FIRST, drop("other")).unwrap_err();
    assert!(said.contains("table `other` is said to be dropped, and is in no migration"), "{said}");
    let said = with(path, FIRST, drop("others")).unwrap();
    assert!(said.contains("0003_drop_others") && said.contains("keeps its rows"), "{said}");
}

/// What is renamed away is remembered by the snapshots, whatever comes in between.
#[test]
fn a_table_that_is_renamed_away_goes_when_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut other = *FIRST[0];
    other.name = "others";
    let other: &TableDef = &other;
    generate(path, &[FIRST[0], other]).unwrap();
    let purge =
        |table: &str| GenerateArgs { purge_tables: vec![table.to_owned()], grace: Some(36), ..GenerateArgs::default() };
    let said = with(path, FIRST, purge("others")).unwrap_err();
    assert!(said.contains("table `others` is said to go for good, and no migration has renamed it away"), "{said}");
    with(path, FIRST, GenerateArgs { drop_tables: vec!["others".into()], ..GenerateArgs::default() }).unwrap();
    generate(path, SECOND).unwrap();
    let said = generate(path, SECOND).unwrap();
    assert!(
        said.contains("`pontoon_dropped_others` keeps the rows of `others`, which `0002_drop_others` has dropped"),
        "{said}"
    );
    // a table of that name comes no sooner
    let said = generate(path, &[SECOND[0], other]).unwrap_err();
    assert!(
        said.contains("is still there as `pontoon_dropped_others`") && said.contains("--purge-table others"),
        "{said}"
    );
    let said = with(path, SECOND, purge("other")).unwrap_err();
    assert!(said.contains("(these are: `others`)"), "{said}");
    let said = with(path, SECOND, purge("others")).unwrap();
    assert!(
        said.contains("0004_purge_others") && said.contains("36h after `0002_drop_others` was contracted"),
        "{said}"
    );
    let sql = fs::read_to_string(path.join("0004_purge_others/mysql.sql")).unwrap();
    assert!(sql.contains("-- @grace 36h since 0002_drop_others\n"), "{sql}");
    assert!(!fs::read_to_string(path.join("0004_purge_others/snapshot.json")).unwrap().contains("dropped"));
    let said = with(path, SECOND, purge("others")).unwrap_err();
    assert!(said.contains("(there is none)"), "{said}");
    generate(path, &[SECOND[0], other]).unwrap();
    with(path, &[SECOND[0], other], check()).unwrap();
}

fn custom(name: &str) -> GenerateArgs {
    GenerateArgs { name: Some(name.to_owned()), custom: true, ..GenerateArgs::default() }
}

fn record() -> GenerateArgs {
    GenerateArgs { record: true, ..GenerateArgs::default() }
}

const BY_HAND: &str = "-- @stage expand\n-- @claim locks none; reads no; writes no\n-- @done query SELECT 1\n\
                       -- @undo nothing: it stays\nSELECT 1;\n";

/// For what is refused otherwise.
#[test]
fn a_migration_by_hand_takes_the_structs_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let said = with(path, SECOND, GenerateArgs { takes_changes: true, ..custom("mine") }).unwrap();
    assert!(said.contains("warning: the structs' changes are recorded with it"), "{said}");
    for server in ["postgres", "mysql"] {
        let file = path.join("0002_mine").join(format!("{server}.sql"));
        let text = fs::read_to_string(&file).unwrap();
        let (heading, _) = text.split_once("-- @stage expand").unwrap();
        fs::write(&file, format!("{heading}{}", BY_HAND)).unwrap();
    }
    with(path, SECOND, record()).unwrap();
    with(path, SECOND, check()).unwrap();
    let rebase = GenerateArgs { rebase: Some("0002_mine".into()), ..GenerateArgs::default() };
    with(path, SECOND, rebase).unwrap();
    with(path, SECOND, check()).unwrap();
}

#[test]
fn a_migration_by_hand_is_an_error_until_it_is_filled_in_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    let said = with(path, SECOND, custom("mine")).unwrap_err();
    assert!(said.contains("the structs have changes without a migration"), "{said}");
    let takes = || GenerateArgs { takes_changes: true, ..custom("mine") };
    let said = with(path, FIRST, takes()).unwrap_err();
    assert!(said.contains("the structs have no changes that the migration could take"), "{said}");
    let said = with(path, FIRST, custom("mine")).unwrap();
    assert!(said.contains("0002_mine/{postgres,mysql}.sql") && said.contains("fill in every `...`"), "{said}");
    let said = with(path, FIRST, check()).unwrap_err();
    assert!(said.contains("0002_mine/postgres.sql:17:1: the comment is still to be written (`...`)"), "{said}");
    for server in ["postgres", "mysql"] {
        let file = path.join("0002_mine").join(format!("{server}.sql"));
        let text = fs::read_to_string(&file).unwrap();
        let (heading, _) = text.split_once("-- @stage expand").unwrap();
        fs::write(&file, format!("{heading}{}", BY_HAND)).unwrap();
    }
    let said = with(path, FIRST, check()).unwrap_err();
    assert!(said.contains("was edited after it was recorded"), "{said}");
    with(path, FIRST, record()).unwrap();
    with(path, FIRST, check()).unwrap();
    // the schema is what it was, and the next change stands behind it
    let said = generate(path, SECOND).unwrap();
    assert!(said.contains("0003_add_users_age"), "{said}");
    // after a merge it has another number and the same text
    let said =
        with(path, SECOND, GenerateArgs { rebase: Some("0002_mine".into()), ..GenerateArgs::default() }).unwrap();
    assert!(said.contains("0002_mine is 0004_mine now"), "{said}");
    let text = fs::read_to_string(path.join("0004_mine/mysql.sql")).unwrap();
    assert!(text.starts_with("-- Pontoon migration `0004_mine` for mysql, written by hand.\n"), "{text}");
    assert!(text.ends_with(BY_HAND), "{text}");
    assert!(!path.join("0002_mine").exists());
    with(path, SECOND, check()).unwrap();
}

#[test]
fn steps_by_hand_in_a_derived_file_are_recorded_and_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, FIRST).unwrap();
    generate(path, SECOND).unwrap();
    let file = path.join("0002_add_users_age/postgres.sql");
    let derived = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{derived}\n-- Mine.\n{}", BY_HAND.split_once('\n').unwrap().1)).unwrap();
    // a change of the structs that no migration makes yet stays one
    let numbers = |text: String| text.split_once("tables: &[").unwrap().1.to_owned();
    let before = numbers(fs::read_to_string(path.join("index.rs")).unwrap());
    let said = with(path, THIRD, record()).unwrap();
    assert!(said.contains("Recorded 0002_add_users_age/postgres.sql"), "{said}");
    assert_eq!(numbers(fs::read_to_string(path.join("index.rs")).unwrap()), before);
    assert!(with(path, THIRD, check()).unwrap_err().contains("the structs have changes without a migration"));
    with(path, SECOND, check()).unwrap();
    let rebase = GenerateArgs { rebase: Some("0002_add_users_age".into()), ..GenerateArgs::default() };
    let said = with(path, SECOND, rebase).unwrap_err();
    assert!(said.contains("was edited by hand, and would be made anew without the edit"), "{said}");
}

#[allow(dead_code, unreachable_pub)]
mod checked {
    #[derive(pontoon::Table)]
    #[table(name = "users", check(name = "of_age", sql = "age >= 18"))]
    pub struct User {
        #[column(primary_key, identity)]
        pub id: i64,
        pub age: Option<i32>,
    }
}

const CHECKED: &[&TableDef] = &[&<checked::User as Table>::DEF];

/// Which way MySQL holds a check is told when it comes, known from then on, and changed by a word alone.
#[test]
fn a_check_is_guarded_and_then_enforced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, SECOND).unwrap();
    let said = generate(path, CHECKED).unwrap();
    assert!(said.contains("warning: MySQL: triggers hold `users` to check `of_age`"), "{said}");
    let snapshot = |id: &str| fs::read_to_string(path.join(id).join("snapshot.json")).unwrap();
    assert!(snapshot("0002_add_of_age").contains("\"guarded\": true"), "{}", snapshot("0002_add_of_age"));
    assert!(generate(path, CHECKED).unwrap().ends_with("agree: nothing to do."));
    assert!(with(path, CHECKED, check()).is_ok());
    let enforce =
        |name: &str| GenerateArgs { copy_rows: Some(7), enforce: vec![name.into()], ..GenerateArgs::default() };
    let said = with(path, CHECKED, enforce("of_old")).unwrap_err();
    assert!(said.starts_with("check `of_old` is said to be enforced from now on"), "{said}");
    let said = with(path, CHECKED, enforce("of_age")).unwrap();
    assert!(
        said.contains("0003_enforce_of_age") && said.contains("refused where there are more than 7 rows"),
        "{said}"
    );
    assert!(!snapshot("0003_enforce_of_age").contains("guarded"));
    assert!(with(path, CHECKED, check()).is_ok());
    assert!(with(path, CHECKED, enforce("of_age")).is_err());
}

/// Steps by hand leave a check as it is held.
#[test]
fn a_check_stays_guarded_beside_steps_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate(path, SECOND).unwrap();
    generate(path, CHECKED).unwrap();
    let by_hand = GenerateArgs { name: Some("by_hand".into()), custom: true, ..GenerateArgs::default() };
    with(path, CHECKED, by_hand).unwrap();
    let snapshot = fs::read_to_string(path.join("0003_by_hand/snapshot.json")).unwrap();
    assert!(snapshot.contains("\"guarded\": true"), "{snapshot}");
}
