//! Indexes that are more than columns, columns that the server computes, and enums.

use fastrand::Rng;
use pontoon::def::{Nulls, ReferentialAction};
use pontoon::schema::{
    Column, ColumnType, Enumeration, ForeignKey, Generated, Index, IndexForm, IndexKey, KeyOf, Table, Texts,
};
use pontoon::{Dialect, Kind};

use super::case::{OtherEnum, index_name, short, stem};
use super::values::{keyable, plain, texts};

/// The enums there are; each has these values until a change gives it more.
const ENUMS: [(&str, [&str; 2]); 2] = [("mood", ["calm", "it's"]), ("odd kind", ["x y", "größe"])];

/// A column's type that is an enum.
pub(super) fn any_enum(rng: &mut Rng) -> ColumnType {
    let (name, values) = ENUMS[rng.usize(..ENUMS.len())];
    let values = values.map(str::to_owned).to_vec();
    ColumnType { enumeration: Some(Enumeration { name: name.to_owned(), values }), ..plain(Kind::Enum) }
}

/// An index that some text or word beside its columns makes a special one.
pub(super) fn any_form(rng: &mut Rng, table: &Table) -> Option<(String, Index)> {
    let mut some: Vec<&Column> = table.columns.iter().collect();
    rng.shuffle(&mut some);
    let one = some.iter().find(|it| keyable(&it.ty)).copied()?;
    let key = |of| IndexKey { of, descending: false, nulls: None, length: None, operators: None };
    let column = key(KeyOf::Column(one.name.clone()));
    let mut index = Index::plain(vec![one.name.clone()], false);
    let form = &mut index.form;
    let what = match rng.u8(..7) {
        0 | 1 => {
            form.keys = vec![IndexKey { descending: true, ..column }];
            "desc"
        }
        2 => {
            form.keys = vec![IndexKey { nulls: Some(Nulls::First), ..column }];
            form.only = Some(Dialect::Postgres);
            "nulls"
        }
        3 => {
            let beside = some.iter().find(|it| it.name != one.name && it.generated.is_none());
            form.include = beside.map(|it| it.name.clone()).into_iter().collect();
            form.filter = Some(format!("{} IS NOT NULL", Dialect::Postgres.ident(&some[0].name)));
            form.only = Some(Dialect::Postgres);
            "part"
        }
        4 => {
            form.keys = vec![key(KeyOf::Expression(by_absence(&one.name)))];
            // MySQL takes no expression over a number that it gives itself
            form.only = (one.identity || rng.bool()).then_some(Dialect::Postgres);
            "expr"
        }
        5 => {
            let one = some.iter().find(|it| it.ty.kind == Kind::Json)?;
            index.columns = vec![one.name.clone()];
            form.using = Texts { postgres: Some("gin".into()), mysql: None };
            form.only = Some(Dialect::Postgres);
            "gin"
        }
        _ => {
            let one = some.iter().find(|it| it.ty.kind == Kind::Text && it.generated.is_none())?;
            index.columns = vec![one.name.clone()];
            if rng.bool() {
                form.keys = vec![IndexKey { length: Some(4), ..key(KeyOf::Column(one.name.clone())) }];
            } else {
                form.using = Texts { postgres: None, mysql: Some("fulltext".into()) };
            }
            form.only = Some(Dialect::MySql);
            "text"
        }
    };
    let name = index_name(&table.name, &index.columns, false);
    Some((format!("{}_{what}", name.trim_end_matches("_idx")), index))
}

/// The same index over the column's other name.
pub(super) fn renamed(index: &Index, from: &str, to: &str) -> Index {
    let other = |name: &String| if name == from { to.to_owned() } else { name.clone() };
    let in_text = |sql: &str| {
        let [from, to] = [from, to].map(|it| Dialect::Postgres.ident(it));
        sql.replace(&from, &to)
    };
    let mut index = index.clone();
    index.columns = index.columns.iter().map(other).collect();
    index.form.include = index.form.include.iter().map(other).collect();
    index.form.filter = index.form.filter.as_deref().map(in_text);
    for key in &mut index.form.keys {
        key.of = match &key.of {
            KeyOf::Column(name) => KeyOf::Column(other(name)),
            KeyOf::Expression(sql) => KeyOf::Expression(super::case::renamed(sql, from, to)),
        };
    }
    index
}

/// Whether the index is one of columns alone, of both servers.
pub(super) fn is_plain(index: &Index) -> bool {
    index.form == IndexForm::default()
}

/// Whether the index would name the column on some server.
pub(super) fn stands_on(index: &Index, column: &str) -> bool {
    Dialect::ALL.into_iter().any(|dialect| index.names(column, dialect))
}

/// Whether MySQL would have the index over an expression of the column.
pub(super) fn is_over(index: &Index, column: &str) -> bool {
    let over = |of: &KeyOf| matches!(of, KeyOf::Expression(sql) if super::case::names(sql, column));
    index.form.only != Some(Dialect::Postgres) && index.form.keys.iter().any(|it| over(&it.of))
}

/// A column that the server computes from another.
pub(super) fn any_generated(rng: &mut Rng, name: String, table: &Table) -> Option<Column> {
    let computed_on_read = rng.bool();
    let writes = |it: &&Column| {
        let key = |key: &&ForeignKey| key.columns.contains(&it.name) && !lets_generate(key, computed_on_read);
        table.foreign_keys.values().any(|it| key(&it))
    };
    let from = table.columns.iter().filter(|it| !it.identity && it.generated.is_none() && !writes(it));
    let sql = by_absence(&rng.choice(from.collect::<Vec<_>>())?.name);
    let generated = Generated { sql, computed_on_read };
    let (ty, default) = (plain(Kind::Integer), Texts::default());
    Some(Column { name, ty, nullable: rng.bool(), identity: false, default, generated: Some(generated) })
}

/// Whether MySQL takes the foreign key on a column from which another is generated.
pub(super) fn lets_generate(key: &ForeignKey, computed_on_read: bool) -> bool {
    !key.writes_rows() && (computed_on_read || key.on_delete != ReferentialAction::Cascade)
}

fn by_absence(column: &str) -> Texts {
    texts(|dialect| format!("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", dialect.ident(column)))
}

/// The columns that code writes.
pub(super) fn written(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|it| it.generated.is_none())
}

/// Other values of an enum that the schema has.
pub(super) fn other_values(rng: &mut Rng, schema: &pontoon::schema::Schema) -> Option<OtherEnum> {
    let columns = schema.tables.values().flat_map(|it| &it.columns);
    let enums: Vec<&Enumeration> = columns.filter_map(|it| it.ty.enumeration.as_ref()).collect();
    let it = rng.choice(enums)?;
    let mut other =
        OtherEnum { name: it.name.clone(), values: it.values.clone(), renamed: Vec::new(), dropped: Vec::new() };
    let what = rng.u8(..6);
    if what == 2 || what == 3 {
        let (at, new) = (rng.usize(..other.values.len()), format!("another {}", rng.u8(..9)));
        let old = std::mem::replace(&mut other.values[at], new.clone());
        other.renamed.push((old, new));
    }
    if what == 4 {
        let gone = other.values.remove(rng.usize(..other.values.len()));
        other.dropped.push((gone, other.values[0].clone()));
    }
    if what != 3 {
        let at = if what == 0 { other.values.len() } else { rng.usize(..=other.values.len()) };
        other.values.insert(at, format!("more {}", it.values.len()));
    }
    if what == 5 || what == 3 && rng.bool() {
        rng.shuffle(&mut other.values);
    }
    Some(other)
}

/// A name for an index that has another.
pub(super) fn other_name(table: &str, index: &Index) -> String {
    let columns: Vec<_> = index.columns.iter().map(|it| short(it)).collect();
    format!("by {} of {}", columns.join(" "), stem(table))
}
