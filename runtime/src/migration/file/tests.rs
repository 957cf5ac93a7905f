use super::*;
use crate::migration::*;

const FILE: &str = r#"-- Pontoon migration `0002_x` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- Adds it.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column users.display_name
-- @undo ALTER TABLE "users" DROP COLUMN "display_name";
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "users" ADD COLUMN "display_name" varchar(64);

-- @claim locks none; reads no; writes no
-- @done function f
-- @undo DROP FUNCTION f();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.a := 1;

    RETURN NEW;
END
$$;

-- @stage backfill

-- Fills it.
-- @backfill users.display_name
-- @claim locks users ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM users WHERE display_name IS NULL;
-- @walk blocks
UPDATE users SET display_name = 'x' WHERE ctid >= $1::tid;
-- @walk tids
UPDATE users SET display_name = 'z' WHERE ctid = ANY ('{}');
-- @walk keys id as bigint, price as numeric(12,2), name as text
UPDATE users SET display_name = 'y' WHERE id >= $1;

-- @stage validate

-- @server >= 14
-- @no-transaction
-- @claim locks users SHARE UPDATE EXCLUSIVE; scans users; reads no; writes no
-- @done index users.i
-- @undo DROP INDEX CONCURRENTLY i;
-- @undo-no-transaction
-- @undo-claim locks users SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE INDEX CONCURRENTLY i ON users (display_name);

-- @assert there are orders of nobody
SELECT id FROM orders;

-- @assert users have the same name
-- @search-twice users
-- @walk keys id as bigint
SELECT md5(name), name FROM users WHERE id >= $1::text::bigint AND id <= $2::text::bigint;
"#;

fn parsed(text: &str) -> Result<Migration, String> {
    parse("0002_x", Dialect::Postgres, "m/postgres.sql", text).map_err(|error| error.to_string())
}

#[test]
fn a_file_reads_back_as_it_was_written() {
    let migration = parsed(FILE).unwrap();
    assert_eq!(render(&migration), FILE);
    assert_eq!(migration.steps.len(), 6);
    let lines: Vec<_> = migration.steps.iter().map(|(_, step)| step.line()).collect();
    assert_eq!(lines, [11, 17, 32, 47, 50, 55]);
}

#[test]
fn line_endings_do_not_matter() {
    let windows = FILE.replace('\n', "\r\n");
    assert_eq!(parsed(&windows), parsed(FILE));
    assert_eq!(sha256(&windows), sha256(FILE));
}

#[track_caller]
fn error(from: &str, to: &str, expected: &str) {
    assert!(FILE.contains(from), "the sample has no `{from}`");
    assert_eq!(parsed(&FILE.replace(from, to)).unwrap_err(), expected);
}

#[test]
fn each_mistake_is_named_with_its_place() {
    error(
        "varchar(64);",
        "varchar(64)",
        "m/postgres.sql:11:58: the statement that begins at line 11 has no closing `;`",
    );
    error(
        "-- @stage validate",
        "-- @stage expand",
        "m/postgres.sql:38:4: stage `expand` cannot follow here: each stands once, in their order",
    );
    error(
        "ACCESS EXCLUSIVE; reads brief; writes brief\n-- @done",
        "ALL; reads no; writes no\n-- @done",
        "m/postgres.sql:7:4: `ALL` is no lock mode of postgres",
    );
    error(
        "-- @done function f\n",
        "",
        "m/postgres.sql:16:1: the statement has no `@done`: what does the catalog say once it is done?",
    );
    error("-- @undo DROP FUNCTION f();\n", "", "m/postgres.sql:15:4: `@undo-claim` has no `@undo` above it");
    error("-- @walk blocks\n", "", "m/postgres.sql:31:1: the statement of a backfill stands under a `@walk`");
    error(
        "-- @invariant SELECT count(*) FROM users WHERE display_name IS NULL;\n",
        "",
        "m/postgres.sql:37:4: the backfill of `users.display_name` at line 28 has no `@invariant`",
    );
    error(
        "-- @server >= 14",
        "-- @server 14",
        "m/postgres.sql:40:4: `14` is no range of versions; write `>= 18`, `< 18`, or both with a comma between",
    );
    error(
        "-- @walk blocks",
        "-- @server >= 14\n-- @walk blocks",
        "m/postgres.sql:31:4: the backfill of `users.display_name` at line 28 has a `@walk` without a statement, or none",
    );
    error(
        "-- @assert",
        "-- @server < 18\n-- @assert",
        "m/postgres.sql:51:1: `@server`, `@each` and `@unless` stand above a statement: backfills and assertions run on every version, and once",
    );
    error(
        "-- @no-transaction",
        "-- @outside",
        "m/postgres.sql:41:4: `@outside` is none of: stage, server, each, unless, claim, done, no-transaction, set, undo, undo-each, undo-unless, undo-claim, undo-done, undo-no-transaction, undo-set, backfill, rust, write, invariant, invariant-once, walk, assert, undo-assert, search, search-twice, grace",
    );
    error(
        "$2::text::bigint;",
        "$2::text::bigint",
        "m/postgres.sql:55:90: the statement that begins at line 55 has no closing `;`",
    );
    error(
        "-- @walk keys id as bigint\nSELECT",
        "-- @walk blocks\nSELECT",
        "m/postgres.sql:54:4: a `@search` goes by keys",
    );
    error(
        "-- @assert users have the same name\n",
        "",
        "m/postgres.sql:52:4: `@search` has no `@assert` above it: what does it mean when it finds something?",
    );
}

#[test]
fn a_skeleton_is_refused_at_each_gap_until_it_is_filled() {
    for dialect in Dialect::ALL {
        let mut text = skeleton("0002_x", dialect);
        let fill = |name: &str| match name {
            "claim" | "undo-claim" => "locks none; reads no; writes no",
            "done" => "query SELECT 1",
            "backfill" => "users.name",
            "walk" => "keys id as bigint",
            "invariant" | "undo" => "SELECT 0;",
            _ => "words",
        };
        let mut gaps = 0;
        while let Err(error) = parse("0002_x", dialect, "x.sql", &text) {
            assert!(error.message.contains("still to be written (`...`)"), "{error}\n{text}");
            let at = error.line - 1;
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let column = if lines[at].starts_with("-- @") { 4 } else { 1 };
            assert_eq!(error.column, column, "{error}");
            let name = lines[at].strip_prefix("-- @").and_then(|it| it.split([' ', ':']).next()).unwrap_or_default();
            lines[at] =
                lines[at].replace("...;", "...").replace("...", if name.is_empty() { "SELECT 1;" } else { fill(name) });
            text = lines.join("\n");
            gaps += 1;
        }
        assert_eq!(gaps, 25, "{text}");
        assert_eq!(parse("0002_x", dialect, "x.sql", &text).unwrap().steps.len(), 5);
        let moved = renamed(&text, "0003_x", dialect).unwrap();
        assert!(moved.starts_with("-- Pontoon migration `0003_x` for "), "{moved}");
        assert_eq!(renamed(FILE, "0003_x", dialect), None);
    }
}

#[test]
fn a_backfill_elsewhere_than_in_its_stage_is_refused() {
    let error = parsed("-- @stage expand\n-- @backfill a.b\n").unwrap_err();
    assert_eq!(error, "m/postgres.sql:2:4: a `@backfill` stands in stage `backfill`");
}

#[test]
fn a_rust_function_reads_back_and_half_of_one_is_refused() {
    let text = "-- @stage backfill\n\n-- @backfill a.b\n-- @rust f\n-- @write UPDATE a SET b = $1 WHERE id = $2::text::bigint;\n\
                -- @claim locks a ROW EXCLUSIVE; reads no; writes brief\n-- @invariant SELECT count(*) FROM a;\n\
                -- @walk keys id as bigint\nSELECT id::text AS pontoon_key_1 FROM a;\n";
    let migration = parsed(text).unwrap();
    assert!(render(&migration).ends_with(text), "{}", render(&migration));
    let error = parsed(&text.replace("-- @rust f\n", "")).unwrap_err();
    assert!(error.contains("has one of `@rust` and `@write`, and needs both"), "{error}");
    let error = parsed(&text.replace("keys id as bigint", "blocks")).unwrap_err();
    assert!(error.contains("walks by `keys` only"), "{error}");
    assert!(parsed("-- @stage expand\n-- @rust f\n").unwrap_err().contains("belongs to a `@backfill`"));
}

#[test]
fn a_search_on_the_way_back_reads_back() {
    let text = "-- @stage expand\n\n-- @undo-assert users have no name; their (id)\n-- @search users\n-- @walk keys id as bigint\n\
                SELECT id::text FROM users WHERE id >= $1::text::bigint AND id <= $2::text::bigint AND name = '';\n";
    let migration = parsed(text).unwrap();
    assert!(render(&migration).ends_with(text), "{}", render(&migration));
    let (_, step) = &migration.steps[0];
    assert!(matches!(step, crate::migration::Step::Search(it) if it.on_way_back), "{step:?}");
}

#[test]
fn a_statement_for_each_partition_reads_back_and_is_postgresqls_alone() {
    let text = "-- @stage validate\n\n-- @each partition of events\n-- @unless part-of \"{partition}\".i\n-- @no-transaction\n\
                -- @claim locks \"{partition}\" SHARE UPDATE EXCLUSIVE; scans \"{partition}\"; reads no; writes no\n\
                -- @done index \"{partition}\".\"{partition}_i\"\n-- @undo DROP INDEX CONCURRENTLY \"{partition}_i\";\n\
                -- @undo-each partition of events\n-- @undo-unless not any-index events.i\n-- @undo-no-transaction\n\
                -- @undo-claim locks \"{partition}\" SHARE UPDATE EXCLUSIVE; reads no; writes no\n\
                CREATE INDEX CONCURRENTLY \"{partition}_i\" ON \"{partition}\" (a);\n";
    let migration = parsed(text).unwrap();
    assert!(render(&migration).ends_with(text), "{}", render(&migration));
    let [(_, Step::Statement(it))] = &migration.steps[..] else { panic!("{migration:?}") };
    assert_eq!(it.for_partition("e1").sql, "CREATE INDEX CONCURRENTLY \"e1_i\" ON \"e1\" (a)");
    let error = parse("0002_x", Dialect::MySql, "m/mysql.sql", text).unwrap_err().to_string();
    assert!(error.contains("m/mysql.sql:3:4: `@each` goes through partitions"), "{error}");
    let error = parsed(&text.replace("partition of events\n-- @unless", "of events\n-- @unless")).unwrap_err();
    assert!(error.contains("`of events` is neither `partition of TABLE`"), "{error}");
}
