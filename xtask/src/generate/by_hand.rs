//! Migrations that somebody writes: a skeleton of their files, and a new number after a merge.

use pontoon::Dialect;
use pontoon::def::TableDef;
use pontoon::migration::file;
use pontoon::schema::{Intents, Schema};

use super::{Failure, Folder, GenerateArgs, StoredMigration, name, same};

/// The target as SQL that somebody writes makes it: a check of before is held as it was, and triggers of ours hold no
/// other.
pub(super) fn settled(source: &Schema, target: &Schema) -> Schema {
    pontoon::diff::settled(source, target, &Intents { copy_rows: Some(0), ..Intents::default() })
}

/// Writes the files of a migration with a gap wherever something is to be filled in.
pub(super) fn write(
    mut folder: Folder,
    args: &GenerateArgs,
    target: &Schema,
    tables: &[&TableDef],
) -> Result<String, Failure> {
    let target = &settled(folder.last_snapshot(), target);
    let changed = !same(folder.last_snapshot(), target);
    if changed && !args.takes_changes {
        return Err(Failure::Refused(
            "the structs have changes without a migration, and one that is written by hand has none of them\n  help: run \
             `cargo xtask generate` first; steps of your own can also be written into what that makes, and recorded with \
             `generate --record`. Where it refuses the changes, `--custom --takes-changes` records them with the migration, \
             and its SQL is to make them"
                .into(),
        ));
    }
    if args.takes_changes && !changed {
        return Err(Failure::Refused(
            "the structs have no changes that the migration could take\n  help: leave out `--takes-changes`".into(),
        ));
    }
    let given = args.name.as_deref().unwrap_or_default();
    let id = format!("{:04}_{}", folder.next_number(), name::checked(given).map_err(Failure::Refused)?);
    let [postgres, mysql] = [Dialect::Postgres, Dialect::MySql].map(|dialect| file::skeleton(&id, dialect));
    if args.dry_run {
        return Ok([postgres, mysql].join("\n"));
    }
    let target = &target.keeping(folder.last_snapshot(), &Intents::default(), &id);
    folder.add(&id, postgres, mysql, target)?;
    folder.write_index(tables)?;
    let warning = if changed {
        "\nwarning: the structs' changes are recorded with it; that its SQL makes them is yours to see to, on both servers"
    } else {
        ""
    };
    Ok(format!(
        "Wrote {0}/{id}/{{postgres,mysql}}.sql.{warning}\nNext: fill in every `...` or remove its step, `cargo xtask generate --record`, \
         `cargo xtask verify-migrations`, commit.",
        folder.shown()
    ))
}

/// Puts one behind all others, as it was written. `None` if it is not one of these.
pub(super) fn again(
    folder: &mut Folder,
    taken: &StoredMigration,
    name: &str,
    target: &Schema,
    tables: &[&TableDef],
) -> Result<Option<String>, Failure> {
    let id = format!("{:04}_{name}", folder.next_number());
    let renamed = |text: &str, dialect| file::renamed(text, &id, dialect);
    let (Some(postgres), Some(mysql)) =
        (renamed(&taken.postgres, Dialect::Postgres), renamed(&taken.mysql, Dialect::MySql))
    else {
        return Ok(None);
    };
    let target = &settled(folder.last_snapshot(), target);
    // it may have made the changes itself
    if !same(folder.last_snapshot(), target) && !same(&taken.snapshot, target) {
        return Err(Failure::Refused(format!(
            "the structs have changes that no migration but `{}` could make, and that one is written by hand\n  help: rebase the \
             one that makes them first, or make one with `cargo xtask generate` when this one has its place",
            taken.id
        )));
    }
    let target = &target.keeping(folder.last_snapshot(), &Intents::default(), &id);
    if id == taken.id {
        folder.remove_files(&taken.id)?;
        folder.add(&id, postgres, mysql, target)?;
    } else {
        folder.add(&id, postgres, mysql, target)?;
        folder.remove_files(&taken.id)?;
    }
    folder.write_index(tables)?;
    Ok(Some(format!("{} is {id} now, with the text it had.", taken.id)))
}
