//! What little Pontoon must know of an SQL expression that the user wrote: which columns it
//! names, and whether a default has one value for all rows.

/// The words of an expression: names (bare or quoted) and whether a `(` follows, skipping strings and comments.
fn words(sql: &str) -> Vec<Word> {
    let chars: Vec<char> = sql.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c == '\'' {
            at = end_of_quoted(&chars, at, '\'').0;
        } else if c == '"' || c == '`' {
            let (end, text) = end_of_quoted(&chars, at, c);
            words.push(Word { text, quoted: true, call: called(&chars[end..]), place: at..end });
            at = end;
        } else if c == '-' && chars.get(at + 1) == Some(&'-') {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c.is_alphabetic() || c == '_' {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_' || chars[at] == '$') {
                at += 1;
            }
            let text = chars[start..at].iter().collect();
            words.push(Word { text, quoted: false, call: called(&chars[at..]), place: start..at });
        } else {
            at += 1;
        }
    }
    words
}

/// Whether a parenthesis opens next.
fn called(rest: &[char]) -> bool {
    rest.iter().find(|c| !c.is_whitespace()) == Some(&'(')
}

struct Word {
    text: String,
    quoted: bool,
    call: bool,
    /// In characters.
    place: std::ops::Range<usize>,
}

/// The place behind the closing quote, and what stands between.
fn end_of_quoted(chars: &[char], start: usize, quote: char) -> (usize, String) {
    let mut text = String::new();
    let mut at = start + 1;
    while at < chars.len() {
        if chars[at] == quote {
            if chars.get(at + 1) != Some(&quote) {
                return (at + 1, text);
            }
            at += 1;
        }
        text.push(chars[at]);
        at += 1;
    }
    (at, text)
}

/// Those of `columns` that the expression names, in their order. A bare name counts whatever
/// its case; a word more than is meant only makes a trigger look more often.
pub(crate) fn columns_in<'a>(sql: &str, columns: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let words = words(sql);
    columns.filter(|column| words.iter().any(|word| word.names(column))).collect()
}

impl Word {
    fn names(&self, column: &str) -> bool {
        if self.quoted { self.text == column } else { !self.call && self.text.eq_ignore_ascii_case(column) }
    }
}

/// The expression over another column: each name of `column` is `other`, which is SQL.
pub(crate) fn with_column(sql: &str, column: &str, other: &str) -> String {
    let mut chars: Vec<char> = sql.chars().collect();
    for word in words(sql).iter().rev().filter(|it| it.names(column)) {
        chars.splice(word.place.clone(), other.chars());
    }
    chars.into_iter().collect()
}

/// Functions with one value within a statement: a new column can take them as its default
/// without touching a row.
const STABLE: &[&str] = &[
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "current_user",
    "session_user",
    "user",
    "transaction_timestamp",
    "statement_timestamp",
    "utc_timestamp",
    "utc_date",
    "cast",
    "decimal",
    "numeric",
    "varchar",
    "char",
    "timestamp",
    "datetime",
    "make_interval",
];

/// Whether a default has one value for all rows. What is not known is taken to differ from row
/// to row, which costs a backfill and never a rewrite.
pub(crate) fn default_is_stable(sql: &str) -> bool {
    words(sql).iter().all(|word| !word.call || STABLE.iter().any(|known| word.text.eq_ignore_ascii_case(known)))
        && !words(sql).iter().any(|word| word.text.eq_ignore_ascii_case("select"))
}

/// What gives the same for the same row, whoever asks and when: functions of either server, and words that stand before a
/// parenthesis.
const REPEATABLE: &[&str] = &[
    // words
    "and",
    "or",
    "not",
    "xor",
    "in",
    "as",
    "is",
    "on",
    "like",
    "ilike",
    "between",
    "case",
    "when",
    "then",
    "else",
    "from",
    "for",
    "any",
    "all",
    "some",
    "array",
    "row",
    "interval",
    "using",
    "regexp",
    "rlike",
    "div",
    "mod",
    "separator",
    // types
    "char",
    "varchar",
    "binary",
    "varbinary",
    "decimal",
    "numeric",
    "datetime",
    "time",
    "timestamp",
    "bit",
    "float",
    // any values
    "cast",
    "convert",
    "coalesce",
    "nullif",
    "ifnull",
    "if",
    "isnull",
    "greatest",
    "least",
    "elt",
    "field",
    // texts and bytes
    "ascii",
    "bit_length",
    "btrim",
    "char_length",
    "character_length",
    "chr",
    "concat",
    "concat_ws",
    "convert_from",
    "convert_to",
    "decode",
    "encode",
    "find_in_set",
    "format",
    "from_base64",
    "hex",
    "initcap",
    "insert",
    "instr",
    "lcase",
    "left",
    "length",
    "locate",
    "lower",
    "lpad",
    "ltrim",
    "md5",
    "octet_length",
    "ord",
    "overlay",
    "position",
    "quote",
    "quote_literal",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "regexp_replace",
    "regexp_substr",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "sha",
    "sha1",
    "sha2",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "space",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "substring_index",
    "to_base64",
    "to_hex",
    "translate",
    "trim",
    "ucase",
    "unhex",
    "upper",
    // numbers
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "ceil",
    "ceiling",
    "conv",
    "cos",
    "degrees",
    "exp",
    "floor",
    "ln",
    "log",
    "log10",
    "log2",
    "pi",
    "pow",
    "power",
    "radians",
    "round",
    "sign",
    "sin",
    "sqrt",
    "tan",
    "to_number",
    "trunc",
    "truncate",
    // dates and times
    "adddate",
    "date",
    "date_add",
    "date_format",
    "date_part",
    "date_sub",
    "date_trunc",
    "datediff",
    "day",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "extract",
    "hour",
    "last_day",
    "make_date",
    "make_interval",
    "make_time",
    "make_timestamp",
    "makedate",
    "microsecond",
    "minute",
    "month",
    "quarter",
    "second",
    "sec_to_time",
    "str_to_date",
    "subdate",
    "time_to_sec",
    "timestampadd",
    "timestampdiff",
    "timezone",
    "to_char",
    "to_date",
    "to_days",
    "week",
    "weekday",
    "year",
    // documents
    "bin_to_uuid",
    "json_array",
    "json_build_array",
    "json_build_object",
    "json_contains",
    "json_extract",
    "json_length",
    "json_merge_patch",
    "json_object",
    "json_quote",
    "json_remove",
    "json_set",
    "json_type",
    "json_unquote",
    "json_valid",
    "json_value",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_set",
    "jsonb_typeof",
    "to_jsonb",
    "uuid_to_bin",
];

/// Words that stand for the clock, the session or the rows of other tables, with no parenthesis behind them.
const OF_THE_MOMENT: &[&str] = &[
    "select",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_user",
    "current_role",
    "current_schema",
    "current_catalog",
    "session_user",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "timestamptz",
    "timetz",
];

/// Whether an expression gives the same for the same row, whoever asks and when. What is not known is taken not to.
pub(crate) fn is_repeatable(sql: &str) -> bool {
    let among = |words: &[&str], it: &Word| words.iter().any(|known| it.text.eq_ignore_ascii_case(known));
    words(sql)
        .iter()
        .filter(|it| !it.quoted || it.call)
        .all(|it| if it.call { among(REPEATABLE, it) } else { !among(OF_THE_MOMENT, it) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_any_spelling_but_not_in_strings_or_calls() {
        let columns = ["email", "lower", "Odd name", "x"];
        assert_eq!(columns_in("lower(EMAIL) || 'x'", columns.into_iter()), ["email"]);
        assert_eq!(columns_in("users.\"Odd name\" -- x", columns.into_iter()), ["Odd name"]);
        assert_eq!(columns_in("`x` + 1", columns.into_iter()), ["x"]);
    }

    #[test]
    fn a_name_gives_way_to_another() {
        let over = |sql| with_column(sql, "a", "\"b\"");
        assert_eq!(over("a > 0 AND t.\"a\" <> 'a' -- a"), "\"b\" > 0 AND t.\"b\" <> 'a' -- a");
        assert_eq!(over("a(A) = ab + 'ä' + a"), "a(\"b\") = ab + 'ä' + \"b\"");
    }

    #[test]
    fn what_is_not_known_to_give_the_same_again_is_taken_not_to() {
        for same in [
            "a",
            "concat(a, 'now()', b)",
            "CASE WHEN (a IN (1, 2)) THEN cast(a AS decimal(4, 1)) END",
            "split_part(\"User\", '@', 1)",
            "a::numeric(4,2)",
        ] {
            assert!(is_repeatable(same), "{same}");
        }
        for other in [
            "now()",
            "CURRENT_DATE - a",
            "coalesce(a, my_own(b))",
            "(SELECT max(x) FROM t)",
            "a::timestamptz",
            "\"f\"(a)",
        ] {
            assert!(!is_repeatable(other), "{other}");
        }
    }

    #[test]
    fn a_default_is_stable_only_where_that_is_known() {
        for stable in ["0", "'a(b'", "now()", "CURRENT_TIMESTAMP", "true", "'{}'::jsonb", "cast('1' as int)"] {
            assert!(default_is_stable(stable), "{stable}");
        }
        for volatile in ["gen_random_uuid()", "random()", "clock_timestamp()", "uuid()", "my_own()", "(select 1)"] {
            assert!(!default_is_stable(volatile), "{volatile}");
        }
    }
}
