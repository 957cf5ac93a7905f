use std::fs;

use super::*;

/// A folder with files, each given as path and text.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// All of them, or what is wrong with the first that cannot be read.
fn read(files: &[(&str, &[u8])]) -> Result<Vec<SqlFile>, String> {
    let folder = folder(files);
    let shorter = |error: SqlFileError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
    let all = read_folder(folder.path(), Dialect::Postgres).map_err(shorter)?;
    all.into_iter().map(|it| it.map_err(|it| shorter(it.error))).collect()
}

fn stems(files: &[&str]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|path| (*path, b"SELECT 1".as_slice())).collect();
    read(&files).unwrap().into_iter().map(|it| it.stem).collect()
}

#[test]
fn migrations_come_in_the_order_of_their_numbers() {
    assert_eq!(stems(&["V10__c.sql", "V2__b.sql", "V1__a.sql", "README.md"]), ["V1__a", "V2__b", "V10__c"]);
    assert_eq!(stems(&["0010_b.sql", "0009_a.sql"]), ["0009_a", "0010_b"]);
    assert_eq!(
        stems(&["2024-02-01-1_x/up.sql", "2024-01-09-1_y/up.sql", "notes/z.txt"]),
        ["2024-01-09-1_y", "2024-02-01-1_x"]
    );
    assert_eq!(stems(&["99999999999999999999999_b.sql", "1_a.sql"]), ["1_a", "99999999999999999999999_b"]);
}

#[test]
fn files_of_one_migration_come_together() {
    let all = read(&[
        ("1_a.up.sql", b"CREATE TABLE a (x int);"),
        ("1_a.down.sql", b"DROP TABLE a;"),
        ("1_a.setup.sql", b"SELECT 1;"),
        ("V2__b.sql", b"SELECT 2;"),
        ("U2__undo_b.sql", b"SELECT 3;"),
    ])
    .unwrap();
    let first = &all[0];
    assert_eq!((first.stem.as_str(), first.up.statements[0].sql.as_str()), ("1_a", "CREATE TABLE a (x int)"));
    assert_eq!(first.down.as_ref().unwrap().statements[0].sql, "DROP TABLE a");
    assert_eq!(first.setup.as_ref().unwrap().statements[0].sql, "SELECT 1");
    assert!(first.up.path.ends_with("1_a.up.sql"));
    let second = &all[1];
    assert_eq!((second.stem.as_str(), all.len()), ("V2__b", 2));
    assert_eq!(second.down.as_ref().unwrap().statements[0].sql, "SELECT 3");
}

#[test]
fn a_file_can_ask_for_no_transaction() {
    let all = read(&[
        ("1.sql", b"-- no-transaction\nSELECT 1;"),
        ("2/up.sql", b"SELECT 1;"),
        ("2/down.sql", b"SELECT 2;"),
        ("2/metadata.toml", b"# x\nrun_in_transaction = false # why\n"),
        ("3.sql", b"SELECT 1; -- no-transaction"),
    ])
    .unwrap();
    let asks: Vec<_> =
        all.iter().map(|it| (it.up.no_transaction, it.down.as_ref().map(|it| it.no_transaction))).collect();
    assert_eq!(asks, [(true, None), (true, Some(true)), (false, None)]);
}

#[test]
fn a_byte_order_mark_is_not_sql() {
    let all = read(&[("1.sql", "\u{feff}SELECT 1".as_bytes())]).unwrap();
    assert_eq!((all[0].up.statements[0].sql.as_str(), all[0].up.statements[0].column), ("SELECT 1", 1));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (files, expected) in [
        (vec![("x.txt", b"".as_slice())], "no migrations here"),
        (vec![("1.sql", b"SELECT 1;\n-- \xe4\n".as_slice())], "1.sql:2: byte 13 is not UTF-8"),
        (vec![("1.sql", b"SELECT 1;\n  'x".as_slice())], "1.sql:2:3: the closing `'`"),
        (vec![("1.down.sql", b"".as_slice())], "1.down.sql: there is no `1.up.sql` or `1.sql` beside it"),
        (vec![("U3__x.sql", b"".as_slice())], "U3__x.sql: there is no `V3__*.sql` beside it"),
        (vec![("1/down.sql", b"".as_slice())], "1/down.sql: there is no `up.sql` beside it"),
        (vec![("1.sql", b"".as_slice()), ("1.up.sql", b"")], "1.up.sql: is the same migration as 1.sql"),
        (vec![("V1__a.sql", b"".as_slice()), ("V1__b.sql", b"")], "V1__b.sql: is the same migration as V1__a.sql"),
    ] {
        let error = read(&files).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let error = read_folder(Path::new("/no such folder"), Dialect::MySql).unwrap_err().to_string();
    assert!(error.starts_with("/no such folder: "), "{error}");
}
