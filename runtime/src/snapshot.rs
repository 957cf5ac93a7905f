//! The schema after a migration, on disk: `migrations/NNNN_name/snapshot.json`.

use serde::{Deserialize, Serialize};

use crate::schema::Schema;

/// The format's version. Raise it with every change that an older Pontoon cannot read.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    schema: Schema,
}

/// The file's text: one item a line, in a fixed order, so that it reads well as a difference.
///
/// # Panics
/// Never: a schema is strings, numbers and maps of them.
pub fn write(schema: &Schema) -> String {
    let file = File { version: VERSION, schema: schema.clone() };
    let mut text = serde_json::to_string_pretty(&file).expect("a schema is plain data");
    text.push('\n');
    text
}

/// Reads a file's text.
///
/// # Errors
/// The file's name, the place, and what is wrong there.
pub fn read(file: &str, text: &str) -> Result<Schema, String> {
    let read: File = serde_json::from_str(text)
        .map_err(|error| format!("{file}:{}:{}: not a snapshot: {error}", error.line(), error.column()))?;
    if read.version != VERSION {
        return Err(format!(
            "{file}: the snapshot has version {}, and this Pontoon reads version {VERSION}: use the version that wrote it",
            read.version
        ));
    }
    Ok(read.schema)
}
