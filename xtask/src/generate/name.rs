//! What a migration is called.

use pontoon::operation::Operation;

/// The name that was given, if it can be a folder's name everywhere.
pub(super) fn checked(name: &str) -> Result<String, String> {
    let plain = !name.is_empty()
        && name.len() <= 60
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "`{name}` cannot be a migration's name\n  help: 1 to 60 letters a to z, digits and `_`, such as `display_name`"
        ))
    }
}

/// A name from what changes: the first operation, in words.
pub(super) fn derived(first: bool, operations: &[Operation]) -> String {
    if first {
        return "initial".into();
    }
    let said = operations.iter().map(words).next().unwrap_or_else(|| "change".into());
    let plain: String =
        said.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
    plain.trim_matches('_').to_owned()
}

fn words(operation: &Operation) -> String {
    match operation {
        Operation::CreateEnum { name, .. } => format!("create_{name}"),
        Operation::AddEnumValues { name, .. } => format!("add_{name}_values"),
        Operation::DropEnum { name, .. } => format!("drop_{name}"),
        Operation::RenameTable { from, table } => format!("rename_{from}_to_{table}"),
        Operation::CreateTable { table, .. } => format!("create_{table}"),
        Operation::AddColumn { table, column } => format!("add_{table}_{column}"),
        Operation::RenameColumn { table, from, column } => format!("rename_{table}_{from}_to_{column}"),
        Operation::Reshape { table, from, columns } => format!("{table}_{}_to_{}", from.join("_"), columns.join("_")),
        Operation::MoveColumn { table, column, from_table, .. } => format!("move_{from_table}_{column}_to_{table}"),
        Operation::ChangeType { table, column } => format!("change_{table}_{column}"),
        Operation::SetNotNull { table, column } => format!("{table}_{column}_not_null"),
        Operation::DropNotNull { table, column } => format!("{table}_{column}_nullable"),
        Operation::SetDefault { table, column } => format!("{table}_{column}_default"),
        Operation::DropDefault { table, column } => format!("{table}_{column}_no_default"),
        Operation::SetIdentity { table, column } => format!("number_{table}_{column}"),
        Operation::DropIdentity { table, column } => format!("{table}_{column}_not_numbered"),
        Operation::AddIndex { index, .. } => format!("add_{index}"),
        Operation::ChangeKey { table } => format!("change_key_of_{table}"),
        Operation::RenameIndex { index, .. } => format!("rename_to_{index}"),
        Operation::AddCheck { check, .. } => format!("add_{check}"),
        Operation::EnforceCheck { check, .. } => format!("enforce_{check}"),
        Operation::AddForeignKey { foreign_key, .. } => format!("add_{foreign_key}"),
        Operation::DropForeignKey { foreign_key, .. } => format!("drop_{foreign_key}"),
        Operation::DropCheck { check, .. } => format!("drop_{check}"),
        Operation::AttachPartition { partition, .. } | Operation::AttachTable { partition, .. } => {
            format!("attach_{partition}")
        }
        Operation::DetachPartition { partition, .. } => format!("detach_{partition}"),
        Operation::DropIndex { index, .. } => format!("drop_{index}"),
        Operation::DropTable { table } => format!("drop_{table}"),
        Operation::PurgeTable { table } => format!("purge_{table}"),
        Operation::DropColumn { table, column, .. } => format!("drop_{table}_{column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_folder_everywhere() {
        assert_eq!(checked("display_name").unwrap(), "display_name");
        for bad in ["", "Name", "a-b", "ä", "../x"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
        let add = Operation::AddColumn { table: "Odd name".into(), column: "ü".into() };
        assert_eq!(derived(false, &[add]), "add_odd_name");
    }
}
