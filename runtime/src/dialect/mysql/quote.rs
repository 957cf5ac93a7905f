//! Names and literals (MySQL manual, "Schema Object Names", "String Literals").

/// A name. Always quoted: so a reserved word or a space is itself.
pub(crate) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text. Where a backslash would be read differently under `NO_BACKSLASH_ESCAPES`, as hexadecimal digits.
pub(crate) fn literal(text: &str) -> String {
    if text.contains(['\\', '\0', '\u{1a}']) {
        let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        format!("_utf8mb4 X'{digits}'")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
