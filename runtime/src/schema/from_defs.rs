//! From what was written to what it means, with every mistake that one struct alone cannot show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{
    Check, Column, ColumnType, Enumeration, ForeignKey, Generated, Index, Intents, Schema, Table, Texts, enums,
    generated, referential,
};
use crate::def::{ColumnDef, Location, PerServer, TableDef};
use crate::sql_type::Kind;

/// A mistake in the structs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaError {
    /// Where; nothing for what is no longer in the structs.
    pub at: Option<Location>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: ")?;
        }
        write!(f, "{}\n  help: {}", self.message, self.help)
    }
}

/// All mistakes, in the order of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaErrors(pub Vec<SchemaError>);

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for SchemaErrors {}

/// The model of all of an application's tables.
///
/// # Errors
/// Every mistake of every struct.
pub fn from_schema<S: crate::def::Schema>() -> Result<(Schema, Intents), SchemaErrors> {
    from_defs(S::TABLES)
}

/// The model of these tables, and the intents written on them.
///
/// # Errors
/// Every mistake of every struct.
pub fn from_defs(defs: &[&TableDef]) -> Result<(Schema, Intents), SchemaErrors> {
    let (schema, intents, mut errors) = lenient(defs);
    for def in defs {
        check_references(def, &schema, &mut errors);
    }
    enums::check(defs, &schema, &mut errors);
    super::partition::check(defs, &schema, &mut errors);
    generated::check(defs, &mut errors);
    referential::check(defs, &schema, &mut errors);
    finish(schema, intents, errors)
}

/// One table among those of `others`, of which it may name any.
pub(crate) fn from_def_among(def: &TableDef, others: &Schema) -> Result<(Schema, Intents), SchemaErrors> {
    let (alone, intents, errors) = lenient(&[def]);
    let mut schema = others.clone();
    schema.tables.extend(alone.tables);
    finish(schema, intents, errors)
}

fn finish(schema: Schema, intents: Intents, mut errors: Vec<SchemaError>) -> Result<(Schema, Intents), SchemaErrors> {
    errors.sort();
    if errors.is_empty() { Ok((schema, intents)) } else { Err(SchemaErrors(errors)) }
}

/// The model, and the mistakes that show without looking at other tables.
fn lenient(defs: &[&TableDef]) -> (Schema, Intents, Vec<SchemaError>) {
    let mut errors = Vec::new();
    let mut schema = Schema::default();
    let mut intents = Intents::default();
    for def in defs {
        if intents.tables_at.get(def.name) == Some(&def.at) {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("`{}` is listed twice", def.struct_name),
                help: "remove one of them from `schema!`".into(),
            });
            continue;
        }
        let table = table(def, &mut intents, &mut errors);
        if let Some(earlier) = intents.tables_at.insert(def.name.to_owned(), def.at) {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("table `{}` is already defined at {earlier}", def.name),
                help: format!("give `{}` another name: #[table(name = \"...\")]", def.struct_name),
            });
        }
        schema.tables.insert(def.name.to_owned(), table);
    }
    check_index_names(defs, &schema, &mut errors);
    check_check_names(defs, &schema, &mut errors);
    (schema, intents, errors)
}

fn table(def: &TableDef, intents: &mut Intents, errors: &mut Vec<SchemaError>) -> Table {
    let mut table = Table {
        name: def.name.to_owned(),
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: BTreeMap::new(),
        foreign_keys: BTreeMap::new(),
        checks: BTreeMap::new(),
        partitioned: None,
    };
    check_name(def.at, "table", def.name, errors);
    if let Some(old) = def.renamed_from {
        intents.renamed_tables.insert(def.name.to_owned(), old.to_owned());
    }
    for column in def.columns {
        add_column(def, column, &mut table, intents, errors);
    }
    for index in def.indexes {
        let name = index.name.map_or_else(|| index_name(def.name, index.columns, index.unique), str::to_owned);
        check_name(def.at, "index", &name, errors);
        let index = super::from_index::index(def, &table, &name, index, errors);
        if table.indexes.insert(name.clone(), index).is_some() {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("table `{}` has two indexes named `{name}`", def.name),
                help: "remove one, or give it `name = \"...\"`".into(),
            });
        }
    }
    index_foreign_keys(&mut table);
    for (number, check) in def.checks.iter().enumerate() {
        let name = check.name.map_or_else(|| limited(&format!("{}_check{}", def.name, number + 1)), str::to_owned);
        check_name(def.at, "check", &name, errors);
        let both = Check { sql: texts(check.sql), column: None, guarded: false };
        if table.checks.insert(name.clone(), both).is_some() {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("table `{}` has two checks named `{name}`", def.name),
                help: "give one of them another `name = \"...\"`".into(),
            });
        }
    }
    table.partitioned = super::partition::partitioning(def, &table, errors);
    if let Some(written) = def.partitioned {
        let key = |name: &&str| (def.name.to_owned(), (*name).to_owned());
        let attached = written.partitions.iter().filter(|it| it.attach).map(|it| it.name);
        intents.attached.extend(attached.map(|it| key(&it)));
        intents.detached.extend(written.detached.iter().map(key));
        intents.unlisted.extend(written.unlisted.iter().map(key));
    }
    for dropped in def.dropped {
        let (name, key) = (dropped.column, (def.name.to_owned(), dropped.column.to_owned()));
        if table.column(name).is_some() {
            errors.push(SchemaError {
                at: Some(def.at),
                message: format!("column `{}.{name}` is said to be dropped and is still a field", def.name),
                help: format!("remove the field, or remove \"{name}\" from #[table(dropped(...))]"),
            });
        }
        if dropped.reverse != PerServer::NONE {
            intents.reverses.insert(key.clone(), texts(dropped.reverse));
        }
        if dropped.one_way {
            intents.one_way.insert(key.clone());
        }
        intents.dropped.insert(key);
    }
    if table.columns.is_empty() {
        errors.push(SchemaError {
            at: Some(def.at),
            message: format!("table `{}` has no column", def.name),
            help: "give the struct a field".into(),
        });
    }
    table
}

/// Each foreign key has an index that begins with its columns. MySQL insists, and makes one
/// without a word; on PostgreSQL every delete in the other table would read this one whole.
fn index_foreign_keys(table: &mut Table) {
    let keys: Vec<Vec<String>> = table.foreign_keys.values().map(|key| key.columns.clone()).collect();
    for columns in keys {
        let served =
            table.primary_key.starts_with(&columns) || table.indexes.values().any(|index| index.serves(&columns));
        if !served {
            let names: Vec<_> = columns.iter().map(String::as_str).collect();
            let name = index_name(&table.name, &names, false);
            table.indexes.insert(name, Index::plain(columns, false));
        }
    }
}

fn add_column(
    def: &TableDef,
    column: &ColumnDef,
    table: &mut Table,
    intents: &mut Intents,
    errors: &mut Vec<SchemaError>,
) {
    let key = (def.name.to_owned(), column.name.to_owned());
    check_name(column.at, "column", column.name, errors);
    if let Some(earlier) = intents.columns_at.insert(key.clone(), column.at) {
        errors.push(SchemaError {
            at: Some(column.at),
            message: format!("column `{}.{}` is already defined at {earlier}", def.name, column.name),
            help: "rename the field, or give it #[column(name = \"...\")]".into(),
        });
        return;
    }
    let same_but_for_case = |it: &&Column| it.name.to_lowercase() == column.name.to_lowercase();
    if let Some(other) = table.columns.iter().find(same_but_for_case) {
        errors.push(SchemaError {
            at: Some(column.at),
            message: format!(
                "columns `{0}.{1}` and `{0}.{2}` differ by case alone, and are one to MySQL",
                def.name, other.name, column.name
            ),
            help: "rename the field, or give it #[column(name = \"...\")]".into(),
        });
    }
    intents.fields.insert(key.clone(), format!("{}.{}", def.struct_name, column.field));
    if column.backfill != PerServer::NONE {
        intents.backfills.insert(key.clone(), texts(column.backfill));
    }
    if let Some(name) = column.backfill_fn {
        if let Some((message, help)) = wrong_function(def, column, name) {
            errors.push(SchemaError { at: Some(column.at), message, help });
        }
        intents.functions.insert(key.clone(), name.to_owned());
    }
    if column.reverse != PerServer::NONE {
        intents.reverses.insert(key.clone(), texts(column.reverse));
    }
    if let Some(from) = column.moved_from {
        let from = (from.table.to_owned(), from.column.to_owned());
        intents.dropped.insert(from.clone());
        intents.moved_from.insert(key.clone(), from);
    }
    if let Some(old) = column.renamed_from {
        intents.renamed_from.insert(key, old.to_owned());
    }
    check_type(def, column, errors);
    if let Some(it) = column.enum_def {
        super::enums::intents(it, intents);
    }
    table.columns.push(Column {
        name: column.name.to_owned(),
        ty: ColumnType {
            kind: column.kind,
            length: column.length,
            precision: column.precision,
            scale: column.scale,
            enumeration: column.enum_def.map(|it| Enumeration {
                name: it.name.to_owned(),
                values: it.values.iter().map(|it| (*it).to_owned()).collect(),
            }),
            spelled: texts(column.sql_type),
            collation: texts(column.collation),
        },
        nullable: column.nullable,
        identity: column.identity,
        default: texts(column.default),
        generated: column.generated.map(|it| Generated { sql: texts(it.sql), computed_on_read: it.computed_on_read }),
    });
    if column.primary_key {
        table.primary_key.push(column.name.to_owned());
    }
    if column.unique {
        let index = Index::plain(vec![column.name.to_owned()], true);
        table.indexes.insert(index_name(def.name, &[column.name], true), index);
    }
    if column.check != PerServer::NONE {
        let check = Check { sql: texts(column.check), column: Some(column.name.to_owned()), guarded: false };
        table.checks.insert(limited(&format!("{}_{}_check", def.name, column.name)), check);
    }
    if let Some(reference) = column.references {
        let key = ForeignKey {
            columns: vec![column.name.to_owned()],
            references: reference.table.to_owned(),
            referenced_columns: vec![reference.column.to_owned()],
            on_delete: reference.on_delete,
            on_update: reference.on_update,
        };
        table.foreign_keys.insert(limited(&format!("{}_{}_fkey", def.name, column.name)), key);
    }
}

/// What a column cannot be that a Rust function fills.
fn wrong_function(def: &TableDef, column: &ColumnDef, name: &str) -> Option<(String, String)> {
    let named = format!("column `{}.{}` is filled by the Rust function `{name}`", def.name, column.name);
    if !column.nullable {
        return Some((
            format!("{named}, and takes no NULL: no trigger can call it, so rows that old code writes have no value at first"),
            "make the field an `Option`; when all rows have a value and no old code runs, a later migration can take that away"
                .into(),
        ));
    }
    if column.backfill != PerServer::NONE || column.default != PerServer::NONE || column.generated.is_some() {
        return Some((
            format!("{named}, and has a `backfill`, `default` or `generated` as well"),
            "say one of them: rows without a value are those that the function is given".into(),
        ));
    }
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (!plain).then(|| (named, "its name is of letters, digits and `_`".into()))
}

fn check_type(def: &TableDef, column: &ColumnDef, errors: &mut Vec<SchemaError>) {
    let mut wrong = |message: String, help: &str| {
        errors.push(SchemaError { at: Some(column.at), message, help: help.to_owned() });
    };
    let name = format!("`{}.{}`", def.name, column.name);
    if column.length.is_some() && !matches!(column.kind, Kind::Text | Kind::Bytes) {
        wrong(format!("column {name} has a length, and is neither a text nor a byte string"), "remove `length`");
    }
    if column.kind == Kind::Decimal && (column.precision.is_none() || column.scale.is_none()) {
        wrong(
            format!("column {name} is a decimal without precision and scale"),
            "say how many digits, in all and behind the point: #[column(precision = 12, scale = 2)]",
        );
    }
    if column.kind != Kind::Decimal && (column.precision.is_some() || column.scale.is_some()) {
        wrong(format!("column {name} has a precision or scale, and is no decimal"), "remove them");
    }
    if let (Some(precision), Some(scale)) = (column.precision, column.scale)
        && (scale > precision || precision == 0 || precision > 65 || scale > 30)
    {
        wrong(
            format!("column {name} cannot have {precision} digits with {scale} behind the point"),
            "both servers take precision 1 to 65, and scale 0 to 30 and not above the precision",
        );
    }
    if column.collation != PerServer::NONE {
        if column.kind != Kind::Text {
            wrong(format!("column {name} has a collation, and is no text"), "remove `collation`");
        }
        let wide = |it: &str| it == "binary" || ["ucs2", "utf16", "utf32"].iter().any(|set| it.starts_with(set));
        if let Some(collation) = column.collation.mysql.filter(|it| wide(it)) {
            wrong(
                format!("column {name} has the collation `{collation}`, which is not derived on MySQL"),
                "choose one of utf8mb4, or of a character set whose first characters are those of ASCII",
            );
        }
        let both =
            [(column.sql_type.postgres, column.collation.postgres), (column.sql_type.mysql, column.collation.mysql)];
        if both.into_iter().any(|(ty, collation)| ty.is_some() && collation.is_some()) {
            wrong(
                format!("column {name} has a collation, and its type is spelled"),
                "write the collation into `sql_type`: `... COLLATE x`",
            );
        }
    }
    if column.length == Some(0) {
        wrong(format!("column {name} has length 0"), "give a length of at least 1");
    }
    if column.identity && !matches!(column.kind, Kind::SmallInt | Kind::Integer | Kind::BigInt) {
        wrong(format!("column {name} is an identity, and is no i16, i32 or i64"), "change the field's type");
    }
    if column.identity && !column.primary_key {
        wrong(
            format!("column {name} is an identity, and is not the primary key"),
            "MySQL numbers only a key: add `primary_key`, or remove `identity`",
        );
    }
    // what is special about an index is looked at with it
    let keyed = column.primary_key
        || column.unique
        || column.references.is_some()
        || def.indexes.iter().any(|index| index.form.is_none() && index.columns.contains(&column.name));
    if keyed
        && matches!(column.kind, Kind::Text | Kind::Bytes)
        && column.length.is_none()
        && column.sql_type.mysql.is_none()
    {
        wrong(
            format!("column {name} is part of a key or index, and has no length, which MySQL wants there"),
            "add `length = N` (768 at most for one text column)",
        );
    }
    if keyed && column.kind == Kind::Json {
        wrong(
            format!("column {name} is part of a key or index, and is JSON"),
            "neither server indexes JSON as a whole",
        );
    }
}

fn check_references(def: &TableDef, schema: &Schema, errors: &mut Vec<SchemaError>) {
    for column in def.columns {
        let Some(reference) = column.references else { continue };
        let Some(target) = schema.tables.get(reference.table) else {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!(
                    "column `{}.{}` refers to table `{}`, which is not in the schema",
                    def.name, column.name, reference.table
                ),
                help: "list its struct in `schema!`, or correct the name".into(),
            });
            continue;
        };
        let Some(other) = target.column(reference.column) else {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!(
                    "column `{}.{}` refers to `{}.{}`, which does not exist",
                    def.name, column.name, reference.table, reference.column
                ),
                help: format!("name a column of `{}` that is its primary key or `unique`", reference.table),
            });
            continue;
        };
        let alone = std::slice::from_ref(&other.name);
        let unique = target.primary_key == alone || target.indexes.values().any(|index| index.makes_unique(alone));
        if !unique {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!(
                    "column `{}.{}` refers to `{}.{}`, which is not unique",
                    def.name, column.name, reference.table, reference.column
                ),
                help: "refer to a column that is its table's primary key or `unique`".into(),
            });
        }
        if other.ty.kind != column.kind {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!(
                    "column `{}.{}` and `{}.{}`, to which it refers, have different types",
                    def.name, column.name, reference.table, reference.column
                ),
                help: "give both fields the same type".into(),
            });
        }
        // error 3780
        if other.ty.collation.mysql.as_deref() != column.collation.mysql {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!(
                    "column `{}.{}` and `{}.{}`, to which it refers, have different collations, which MySQL does not take",
                    def.name, column.name, reference.table, reference.column
                ),
                help: "give both fields the same `collation`".into(),
            });
        }
        if reference.on_delete == crate::def::ReferentialAction::SetNull && !column.nullable {
            errors.push(SchemaError {
                at: Some(column.at),
                message: format!("column `{}.{}` is set to NULL on delete, and takes no NULL", def.name, column.name),
                help: "make the field an `Option`, or choose another `on_delete`".into(),
            });
        }
    }
}

/// On MySQL the names of checks are those of a whole schema, whatever their case.
fn check_check_names(defs: &[&TableDef], schema: &Schema, errors: &mut Vec<SchemaError>) {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for def in defs {
        let Some(table) = schema.tables.get(def.name) else { continue };
        for (name, _) in table.checks.iter().filter(|(_, it)| it.sql.mysql.is_some()) {
            if let Some(other) = owners.insert(name.to_lowercase(), def.name)
                && other != def.name
            {
                errors.push(SchemaError {
                    at: Some(def.at),
                    message: format!("check `{name}` of table `{}` has the name of one of table `{other}`", def.name),
                    help: "give one of them another `name = \"...\"`: MySQL has one space of names for the checks of all tables"
                        .into(),
                });
            }
        }
    }
}

/// On PostgreSQL the names of indexes and tables share one space in a schema.
fn check_index_names(defs: &[&TableDef], schema: &Schema, errors: &mut Vec<SchemaError>) {
    let mut owners: BTreeMap<&str, &str> = schema.tables.keys().map(|it| (it.as_str(), it.as_str())).collect();
    for def in defs {
        let Some(table) = schema.tables.get(def.name) else { continue };
        for name in table.indexes.keys() {
            if let Some(other) = owners.insert(name, def.name)
                && other != def.name
            {
                errors.push(SchemaError {
                    at: Some(def.at),
                    message: format!(
                        "index `{name}` of table `{}` has the name of something of table `{other}`",
                        def.name
                    ),
                    help: "give it another `name = \"...\"`: PostgreSQL has one space of names for tables and indexes"
                        .into(),
                });
            }
        }
    }
}

pub(super) fn unknown_column(def: &TableDef, what: &str, column: &str) -> SchemaError {
    let known: BTreeSet<_> = def.columns.iter().map(|it| it.name).collect();
    SchemaError {
        at: Some(def.at),
        message: format!("{what} of table `{}` names column `{column}`, which does not exist", def.name),
        help: format!("the columns are: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// The names both servers can hold: 63 bytes on PostgreSQL (which cuts longer ones off
/// without an error), 64 characters on MySQL, nothing beyond the basic plane there.
pub(super) fn check_name(at: Location, what: &str, name: &str, errors: &mut Vec<SchemaError>) {
    let wrong = if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > 63 {
        Some(format!("has {} bytes; PostgreSQL takes 63", name.len()))
    } else if name.chars().any(|c| c == '\0' || c.is_control()) {
        Some("holds a control character".to_owned())
    } else if name.chars().any(|c| c as u32 > 0xFFFF) {
        Some("holds a character beyond U+FFFF, which MySQL does not take in a name".to_owned())
    } else if name.ends_with(' ') {
        Some("ends with a space, which MySQL does not take".to_owned())
    } else if name.starts_with("pontoon_") {
        Some("begins with `pontoon_`, which is kept for Pontoon's own tables and triggers".to_owned())
    } else {
        None
    };
    if let Some(wrong) = wrong {
        errors.push(SchemaError {
            at: Some(at),
            message: format!("the {what} name `{name}` {wrong}"),
            help: "choose another name: `name = \"...\"`".into(),
        });
    }
}

/// `users_email_key` for a unique index, `users_email_idx` for another.
pub(crate) fn index_name(table: &str, columns: &[&str], unique: bool) -> String {
    limited(&format!("{table}_{}_{}", columns.join("_"), if unique { "key" } else { "idx" }))
}

/// A derived name within the servers' limits: its middle gives way to a hash of the whole.
pub(crate) fn limited(name: &str) -> String {
    if name.len() <= 63 {
        return name.to_owned();
    }
    let hash = crate::fingerprint::of_str(name);
    let cut = |mut at: usize| {
        while !name.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let mut tail = name.len() - 14;
    while !name.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}_{:08x}_{}", &name[..cut(38)], hash as u32, &name[tail..])
}

pub(super) fn texts(both: PerServer) -> Texts {
    Texts { postgres: both.postgres.map(str::to_owned), mysql: both.mysql.map(str::to_owned) }
}
