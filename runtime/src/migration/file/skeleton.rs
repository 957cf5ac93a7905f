//! The file of a migration that is written by hand, before it is: a step for each stage, to be
//! filled in. A gap that was left in it is an error at its place.

use crate::dialect::Dialect;

/// What stands where something is to be written.
const GAP: &str = "...";

/// Where the first line of a file says that nobody derived it.
const BY_HAND: &str = ", written by hand.";

pub(super) fn skeleton(id: &str, dialect: Dialect) -> String {
    let claim = match dialect {
        Dialect::Postgres => "locks users SHARE ROW EXCLUSIVE; scans users; reads no; writes rows",
        Dialect::MySql => "locks users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief",
    };
    let key = match dialect {
        Dialect::Postgres => "... WHERE id >= $1::bigint AND id <= $2::bigint",
        Dialect::MySql => "... WHERE id >= CAST(? AS SIGNED) AND id <= CAST(? AS SIGNED)",
    };
    let statement =
        |comment: &str, undo: &str| format!("-- {comment}: {GAP}\n-- @claim {GAP}\n-- @done {GAP}\n{undo}{GAP};\n");
    let there_and_back = format!("-- @undo {GAP};\n-- @undo-claim {GAP}\n");
    [
        format!("-- Pontoon migration `{id}` for {dialect}{BY_HAND}\n"),
        format!(
            "-- What is reviewed here is what runs, byte for byte. After each edit: `cargo xtask generate --record`.\n\
             --\n\
             -- Fill in every `{GAP}`; remove steps and stages that are not needed, with all their lines. A step may be \
             repeated.\n\
             --   claim      `{claim}`, or `locks none; reads no; writes no`\n\
             --   done       what is so afterwards, and was not before: `table T`, `column T.C`, `index T.I`,\n\
             --              `constraint T.C`, `trigger T.NAME`, `function F`, each also with `not`; `query SELECT {GAP}`,\n\
             --              which finds a row; or `repeatable` for what can run twice\n\
             --   undo       the way back, or `nothing: WHY`; undo-done, if it is not the opposite of done\n\
             --   backfill   `T.C`; its invariant is a query of one number, the rows still to be filled; its walk is\n\
             --              `keys id as bigint`, and its statement: {key}\n\
             -- Further lines of a directive are indented by two more spaces. `@no-transaction` is for what PostgreSQL \
             refuses\n\
             -- inside one; `@set NAME=VALUE` sets a session variable for a statement.\n"
        ),
        format!("\n-- @stage expand\n\n{}", statement("Why, and why old code does not notice", &there_and_back)),
        format!(
            "\n-- @stage backfill\n\n-- Why: {GAP}\n-- @backfill {GAP}\n-- @claim {GAP}\n-- @invariant {GAP};\n-- @walk {GAP}\n{GAP};\n"
        ),
        format!(
            "\n-- @stage validate\n\n-- @assert {GAP}\n{GAP};\n\n{}",
            statement("Why", &there_and_back)
        ),
        format!(
            "\n-- @stage contract\n\n{}",
            statement("Why, when no old code runs any more", &format!("-- @undo impossible: {GAP}\n"))
        ),
    ]
    .concat()
}

/// Whether a text, or its end behind a colon, is still to be written.
pub(super) fn is_gap(text: &str) -> bool {
    let text = text.trim().trim_end_matches(';');
    text.strip_suffix(GAP).is_some_and(|before| before.is_empty() || before.ends_with(": "))
}

/// The text under another name, if it was begun from a skeleton.
pub(super) fn renamed(text: &str, id: &str, dialect: Dialect) -> Option<String> {
    let (first, rest) = text.split_once('\n')?;
    first.trim_end().ends_with(BY_HAND).then(|| format!("-- Pontoon migration `{id}` for {dialect}{BY_HAND}\n{rest}"))
}
