//! From what was written of an index to what it means.

use super::from_defs::{texts, unknown_column};
use super::{Index, IndexForm, IndexKey, KeyOf, SchemaError, Table};
use crate::def::{IndexDef, IndexFormDef, KeyDef, TableDef};
use crate::dialect::{Dialect, columns_in};
use crate::sql_type::Kind;

/// PostgreSQL's access methods (manual, "Index Types"), and whether they take several keys, and tell rows apart.
const POSTGRES: [(&str, bool, bool); 6] = [
    ("btree", true, true),
    ("hash", false, false),
    ("gin", true, false),
    ("gist", true, false),
    ("spgist", false, false),
    ("brin", true, false),
];

/// MySQL's, for InnoDB (manual, "CREATE INDEX Statement").
const MYSQL: [(&str, bool, bool); 3] = [("btree", true, true), ("fulltext", true, false), ("spatial", false, false)];

/// The index, with every mistake in it noted.
pub(super) fn index(
    def: &TableDef,
    table: &Table,
    name: &str,
    written: &IndexDef,
    errors: &mut Vec<SchemaError>,
) -> Index {
    for column in written.columns.iter().chain(written.form.iter().flat_map(|it| it.include)) {
        if table.column(column).is_none() {
            errors.push(unknown_column(def, "an index", column));
        }
    }
    let Some(form) = written.form else {
        return Index::plain(written.columns.iter().map(|it| (*it).to_owned()).collect(), written.unique);
    };
    let index = Index {
        columns: form.keys.iter().flat_map(|key| columns_of(def, key)).map(str::to_owned).collect(),
        unique: written.unique,
        form: IndexForm {
            keys: keys(form),
            include: form.include.iter().map(|it| (*it).to_owned()).collect(),
            filter: form.filter.map(str::to_owned),
            using: texts(form.using),
            only: form.only.and_then(|only| Dialect::ALL.into_iter().find(|it| it.name() == only)),
        },
    };
    let mut errors = Errors { def, name, errors };
    servers(&index, &mut errors);
    methods(&index, &mut errors);
    expressions(&index, &mut errors);
    columns(table, &index, &mut errors);
    index
}

/// None where the keys are columns of which nothing else was said.
fn keys(form: &IndexFormDef) -> Vec<IndexKey> {
    if form.keys.iter().all(|key| *key == KeyDef { column: key.column, ..KeyDef::PLAIN } && key.column.is_some()) {
        return Vec::new();
    }
    let key = |key: &KeyDef| IndexKey {
        of: match key.column {
            Some(column) => KeyOf::Column(column.to_owned()),
            None => KeyOf::Expression(texts(key.expression)),
        },
        descending: key.descending,
        nulls: key.nulls,
        length: key.length,
        operators: key.operators.map(str::to_owned),
    };
    form.keys.iter().map(key).collect()
}

fn columns_of<'a>(def: &'a TableDef, key: &KeyDef) -> Vec<&'a str> {
    let named = |texts: &[&str]| -> Vec<&'a str> {
        let in_any = |column: &&str| texts.iter().any(|it| !columns_in(it, std::iter::once(*column)).is_empty());
        def.columns.iter().map(|it| it.name).filter(in_any).collect()
    };
    match key.column {
        Some(column) => def.columns.iter().map(|it| it.name).filter(|it| *it == column).collect(),
        None => named(&[key.expression.postgres, key.expression.mysql].into_iter().flatten().collect::<Vec<_>>()),
    }
}

struct Errors<'a> {
    def: &'a TableDef,
    name: &'a str,
    errors: &'a mut Vec<SchemaError>,
}

impl Errors<'_> {
    fn push(&mut self, what: &str, help: impl Into<String>) {
        let message = format!("index `{}` of table `{}` {what}", self.name, self.def.name);
        self.errors.push(SchemaError { at: Some(self.def.at), message, help: help.into() });
    }
}

/// What one server does not have is refused, unless the index is for the other one alone.
fn servers(index: &Index, errors: &mut Errors<'_>) {
    let form = &index.form;
    let only_postgres =
        "say that it is for PostgreSQL: `only = \"postgres\"`; MySQL can have another index, `only = \"mysql\"`";
    let only_mysql =
        "say that it is for MySQL: `only = \"mysql\"`; PostgreSQL can have another index, `only = \"postgres\"`";
    if index.is_for(Dialect::MySql) {
        let key = |has: fn(&IndexKey) -> bool| form.keys.iter().any(has);
        let has = [
            (form.filter.is_some(), "has a condition (`filter`)"),
            (!form.include.is_empty(), "holds columns beside its keys (`include`)"),
            (key(|it| it.nulls.is_some()), "says where NULLs stand (`nulls`)"),
            (key(|it| it.operators.is_some()), "has an operator class (`operators`)"),
        ];
        for (_, what) in has.into_iter().filter(|(has, _)| *has) {
            errors.push(&format!("{what}, which MySQL does not have"), only_postgres);
        }
    }
    if index.is_for(Dialect::Postgres) && form.keys.iter().any(|it| it.length.is_some()) {
        let help = format!("{only_mysql}, over an expression such as `left(a, 20)`");
        errors.push("has a key of a `length`, which PostgreSQL does not have", help);
    }
    for (dialect, other, known) in
        [(Dialect::Postgres, only_mysql, &POSTGRES[..]), (Dialect::MySql, only_postgres, &MYSQL[..])]
    {
        let Some(method) = form.using.of(dialect).filter(|_| index.is_for(dialect)) else { continue };
        if !known.iter().any(|(name, ..)| *name == method) {
            let list: Vec<_> = known.iter().map(|(name, ..)| *name).collect();
            let each = "or one each: `using(postgres = \"gin\", mysql = \"fulltext\")`";
            errors.push(
                &format!("uses `{method}`, which {} does not have", server(dialect)),
                format!("it has {}; {other}, {each}", list.join(", ")),
            );
        }
    }
}

const fn server(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "PostgreSQL",
        Dialect::MySql => "MySQL",
    }
}

/// What a method cannot do.
fn methods(index: &Index, errors: &mut Errors<'_>) {
    let form = &index.form;
    let known = POSTGRES.iter().filter(|(name, ..)| form.using.postgres.as_deref() == Some(name));
    let known: Vec<_> =
        known.chain(MYSQL.iter().filter(|(name, ..)| form.using.mysql.as_deref() == Some(name))).collect();
    let count = if form.keys.is_empty() { index.columns.len() } else { form.keys.len() };
    for (name, several, unique) in known {
        if index.unique && !unique {
            errors.push(
                &format!("is unique and uses `{name}`, which cannot tell rows apart"),
                "remove `unique`, or `using`",
            );
        }
        if count > 1 && !several {
            errors.push(&format!("uses `{name}`, which takes one key, and has {count}"), "make an index for each");
        }
        let ordered = form.keys.iter().any(|it| it.descending || it.nulls.is_some());
        if ordered && *name != "btree" {
            errors.push(&format!("uses `{name}`, which has no order"), "remove `desc` and `nulls`");
        }
        if !form.include.is_empty() && !matches!(*name, "btree" | "gist" | "spgist") {
            errors.push(&format!("uses `{name}`, which holds no columns beside its keys"), "remove `include`");
        }
    }
}

/// An expression that stands on no column is a mistake in a name.
fn expressions(index: &Index, errors: &mut Errors<'_>) {
    let known: Vec<&str> = errors.def.columns.iter().map(|it| it.name).collect();
    let list = known.join(", ");
    let names_none = |sql: &str| columns_in(sql, known.iter().copied()).is_empty();
    let mut wrong = Vec::new();
    for key in &index.form.keys {
        let KeyOf::Expression(sql) = &key.of else { continue };
        for dialect in Dialect::ALL.into_iter().filter(|it| index.is_for(*it)) {
            match sql.of(dialect) {
                None => wrong.push((
                    format!("has a key without an expression for {}", server(dialect)),
                    "give one text for both servers, or one each: `expression(postgres = \"...\", mysql = \"...\")`"
                        .to_owned(),
                )),
                Some(sql) if names_none(sql) => {
                    wrong.push((
                        format!("has the key `{sql}`, which names no column"),
                        format!("the columns are: {list}"),
                    ));
                }
                Some(_) => {}
            }
        }
    }
    if let Some(sql) = index.form.filter.as_ref().filter(|it| names_none(it)) {
        wrong.push((format!("has the condition `{sql}`, which names no column"), format!("the columns are: {list}")));
    }
    wrong.dedup();
    for (what, help) in wrong {
        errors.push(&what, help);
    }
}

/// What the columns' types do not take.
fn columns(table: &Table, index: &Index, errors: &mut Errors<'_>) {
    let mysql = index.form.using.mysql.as_deref().filter(|_| index.is_for(Dialect::MySql));
    let keys = index.form.keys.iter().filter_map(|it| match &it.of {
        KeyOf::Column(name) => Some((name, it.length)),
        KeyOf::Expression(_) => None,
    });
    let plain = index.columns.iter().filter(|_| index.form.keys.is_empty()).map(|it| (it, None));
    for (name, length) in keys.chain(plain) {
        let Some(column) = table.column(name) else { continue };
        let (kind, spelled) = (column.ty.kind, column.ty.spelled.mysql.is_some());
        let text = matches!(kind, Kind::Text | Kind::Custom);
        if mysql == Some("fulltext") && !text && !spelled {
            errors.push(&format!("uses `fulltext`, and column `{name}` is no text"), "index a text, or remove `using`");
        }
        let ordered = mysql.is_none_or(|it| it == "btree");
        let whole = index.is_for(Dialect::MySql) && ordered && length.is_none() && !spelled;
        if whole && matches!(kind, Kind::Text | Kind::Bytes) && column.ty.length.is_none() {
            errors.push(
                &format!("has column `{name}`, which has no length, and MySQL wants one there"),
                format!("give the column a `length`, or the key, for MySQL alone: `key(\"{name}\", length = 100)`"),
            );
        }
        let method = index.form.using.postgres.as_deref().filter(|_| index.is_for(Dialect::Postgres));
        let bare = index.is_for(Dialect::MySql) || method.is_none();
        if kind == Kind::Json && bare && !spelled {
            errors.push(
                &format!("has column `{name}`, which is JSON, and neither server orders JSON as a whole"),
                "on PostgreSQL use `gin`, `only = \"postgres\"`; on MySQL index an expression over it",
            );
        }
    }
}
