//! Values that fit the partitions that are there.

use pontoon::Dialect;

use super::model::Table;
use super::rows::texts;
use super::wish::Wish;
use crate::verify::conn::Conn;
use crate::verify::sql_files::{Token, TokenKind, keyword_tokens};

/// A partition's first value and the one behind its last; `None` for no limit.
type Range = (Option<String>, Option<String>);

/// Reads the bounds of a PostgreSQL table's partitions into its columns' wishes.
pub(super) async fn postgres(conn: &mut Conn, oid: &str, table: &mut Table) -> Result<(), sqlx::Error> {
    let mut oid = oid.to_owned();
    loop {
        let keys =
            conn.value(format!("SELECT partattrs::text FROM pg_partitioned_table WHERE partrelid = {oid}")).await?;
        let children = conn
            .rows(format!(
                "SELECT c.oid, c.relkind, pg_get_expr(c.relpartbound, c.oid), a.attname
                 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 LEFT JOIN pg_attribute a ON a.attrelid = i.inhparent AND a.attnum = {}
                 WHERE i.inhparent = {oid} ORDER BY c.oid",
                keys.as_deref().and_then(|it| it.split(' ').next()).filter(|it| !it.is_empty()).unwrap_or("0"),
            ))
            .await?;
        if children.is_empty() {
            table.hopeless = Some("it has no partitions".into());
            return Ok(());
        }
        // where a partition is itself partitioned, one way down is enough
        let nested = children.iter().find(|row| row[1].as_deref() == Some("p"));
        let looked_at: Vec<_> = nested.map_or_else(|| children.iter().collect(), |it| vec![it]);
        let bounds: Vec<String> = looked_at.iter().map(|row| texts::<3>(row)[2].to_owned()).collect();
        let [_, _, _, key] = texts(looked_at[0]);
        if let Some(column) = table.columns.iter_mut().find(|it| it.name == key) {
            fit(&bounds, &mut column.wish);
        }
        match nested {
            Some(row) => oid = texts::<1>(row)[0].to_owned(),
            None => return Ok(()),
        }
    }
}

/// The first column's part of `FOR VALUES ...` of all partitions.
fn fit(bounds: &[String], wish: &mut Wish) {
    let mut ranges = Vec::new();
    let mut listed = Vec::new();
    for bound in bounds {
        let tokens = keyword_tokens(bound, Dialect::Postgres);
        match tokens.get(2) {
            Some(word) if word.is("in") => listed.extend(tokens.iter().filter_map(constant)),
            Some(word) if word.is("from") => {
                let to = tokens.iter().position(|it| it.is("to")).unwrap_or(tokens.len());
                let first = |tokens: &[Token<'_>]| tokens.iter().skip_while(|it| !it.is("(")).nth(1).and_then(constant);
                ranges.push((first(&tokens[..to]), first(&tokens[to..])));
            }
            // by hash, or the default: anything fits
            _ => {}
        }
    }
    if !listed.is_empty() {
        wish.one_of = listed;
    } else if let Some((first, last)) = connected(ranges) {
        fit_range(first, last, wish);
    }
}

pub(super) fn fit_range(first: Option<String>, last: Option<String>, wish: &mut Wish) {
    let number = |text: &Option<String>| text.as_ref().and_then(|it| it.parse::<f64>().ok());
    match (number(&first), number(&last)) {
        (None, None) => (wish.after, wish.before) = (first, last),
        (low, high) => {
            wish.min = low.map(|it| (it, true));
            wish.max = high.map(|it| (it, false));
        }
    }
    wish.spread = (wish.min.is_some() && wish.max.is_some()) || (wish.after.is_some() && wish.before.is_some());
}

/// The range that the first partitions without a gap between them make together.
fn connected(mut ranges: Vec<Range>) -> Option<Range> {
    let number = |it: &Range| it.0.as_ref().map(|text| text.parse::<f64>().unwrap_or(0.0)).unwrap_or(f64::MIN);
    ranges.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.0.cmp(&b.0)));
    let mut ranges = ranges.into_iter();
    let (first, mut last) = ranges.next()?;
    for (from, to) in ranges {
        if last.is_none() || from != last {
            break;
        }
        last = to;
    }
    Some((first, last))
}

/// A constant's text; `None` for MINVALUE, MAXVALUE and NULL.
fn constant(token: &Token<'_>) -> Option<String> {
    match token.kind {
        TokenKind::String => {
            let inner = token.text.trim_start_matches(['E', 'e']);
            let inner = inner.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(inner.replace("''", "'"))
        }
        TokenKind::Number => Some(token.text.to_owned()),
        TokenKind::Word if token.is("true") || token.is("false") => Some(token.text.to_owned()),
        _ => None,
    }
}

/// Reads the bounds of a MySQL table's partitions: how they are chosen, by what, and each one's description.
pub(super) fn mysql(method: &str, expression: &str, descriptions: &[&str], table: &mut Table) {
    let tokens = keyword_tokens(expression, Dialect::MySql);
    let [name] = tokens.as_slice() else { return };
    let Some(column) = name.name().and_then(|name| table.columns.iter_mut().find(|it| it.name == name)) else { return };
    if method.starts_with("LIST") {
        let values =
            descriptions.iter().flat_map(|it| keyword_tokens(it, Dialect::MySql)).filter_map(|it| constant(&it));
        column.wish.one_of = values.collect();
    } else if method.starts_with("RANGE") && !descriptions.contains(&"MAXVALUE") {
        let last = descriptions.last().and_then(|it| constant(keyword_tokens(it, Dialect::MySql).first()?));
        fit_range(None, last, &mut column.wish);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(bounds: &[&str]) -> Wish {
        let mut wish = Wish::default();
        fit(&bounds.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), &mut wish);
        wish
    }

    #[test]
    fn values_stay_within_partitions_without_a_gap() {
        let months = [
            "FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')",
            "FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')",
            "FOR VALUES FROM ('2024-05-01') TO ('2024-06-01')",
            "DEFAULT",
        ];
        let expected = ("2024-01-01".to_owned(), "2024-03-01".to_owned());
        let found = wish(&months);
        assert_eq!((found.after.unwrap(), found.before.unwrap(), found.spread), (expected.0, expected.1, true));
        let numbers = wish(&["FOR VALUES FROM (MINVALUE) TO (10)", "FOR VALUES FROM (10, 'x') TO (100, 'y')"]);
        assert_eq!((numbers.min, numbers.max), (None, Some((100.0, false))));
        assert_eq!(wish(&["FOR VALUES IN ('a', 'it''s')", "FOR VALUES IN (NULL)"]).one_of, ["a", "it's"]);
        assert_eq!(wish(&["FOR VALUES WITH (modulus 2, remainder 0)"]), Wish::default());
    }
}
