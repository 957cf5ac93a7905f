//! What CHECK constraints say of single columns, as far as their text is simple.

use pontoon::Dialect;

use super::expression::{Comparison, Expression, parse};
use super::sample::{of_like, of_regex};

/// What a column's values should be so that conditions hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wish {
    /// The smallest number, and whether it is itself allowed.
    pub(super) min: Option<(f64, bool)>,
    /// The largest number, likewise.
    pub(super) max: Option<(f64, bool)>,
    /// A date or time to lie after, and one to lie before.
    pub(super) after: Option<String>,
    pub(super) before: Option<String>,
    /// The only values.
    pub(super) one_of: Vec<String>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    /// Two halves of a text with room for a number between them.
    pub(super) around: Option<(String, String)>,
    pub(super) upper: bool,
    pub(super) never_null: bool,
    pub(super) always_null: bool,
    /// How many rows ahead it is of the others.
    pub(super) ahead: i64,
    /// The value of JSON should be an array.
    pub(super) json_array: bool,
    /// The rows should lie evenly between the smallest and the largest, because of partitions.
    pub(super) spread: bool,
}

impl Wish {
    /// Whether the numbers from 1 to the last one are not all among the values, so that the server's own would not fit.
    pub(super) fn leaves_out_a_number(&self, last: u64) -> bool {
        let last = f64::from(u32::try_from(last).unwrap_or(u32::MAX));
        let low = self.min.is_some_and(|(min, itself)| min > 1.0 || !itself && min >= 1.0);
        let high = self.max.is_some_and(|(max, itself)| max < last || !itself && max <= last);
        low || high || !self.one_of.is_empty()
    }
}

/// Reads a condition into the wishes of the columns it names. Gives `false` if some of it is not understood.
pub(super) fn understand(condition: &str, names: &[String], wishes: &mut [Wish], dialect: Dialect) -> bool {
    match parse(condition, dialect) {
        Some(expression) => Reader { names, wishes }.holds(&expression),
        None => false,
    }
}

struct Reader<'a> {
    names: &'a [String],
    wishes: &'a mut [Wish],
}

impl Reader<'_> {
    fn column(&self, expression: &Expression) -> Option<usize> {
        let Expression::Name(name) = expression else { return None };
        // a domain's condition says VALUE; MySQL's names do not differ in case
        let exact = self.names.iter().position(|it| it == name);
        exact.or_else(|| self.names.iter().position(|it| it.eq_ignore_ascii_case(name)))
    }

    fn holds(&mut self, expression: &Expression) -> bool {
        match expression {
            Expression::And(parts) => parts.iter().fold(true, |all, part| self.holds(part) & all),
            Expression::Or(parts) => self.one_holds(parts),
            Expression::Compare(left, comparison, right) => {
                self.compares(left, *comparison, right) || self.compares(right, comparison.turned(), left)
            }
            Expression::In(value, list) => self.is_one_of(value, list),
            Expression::Like(value, pattern) => self.looks(value, of_like(pattern)),
            Expression::Regex(value, pattern) => self.looks(value, of_regex(pattern).map(|it| (it, None))),
            Expression::IsNull(value, is) => self.with(value, |wish| match is {
                true => wish.always_null = true,
                false => wish.never_null = true,
            }),
            Expression::Not(inner) => self.with(inner, |wish| wish.one_of = vec!["false".into()]),
            Expression::Name(_) => self.with(expression, |wish| wish.one_of = vec!["true".into()]),
            Expression::Call(name, arguments) => self.is_harmless(name, arguments),
            _ => false,
        }
    }

    /// The first branch that can be fulfilled by values; by NULL only if there is no other.
    fn one_holds(&mut self, parts: &[Expression]) -> bool {
        let (nulls, values): (Vec<_>, Vec<_>) = parts.iter().partition(|it| matches!(it, Expression::IsNull(_, true)));
        for part in values.into_iter().chain(nulls) {
            let before = self.wishes.to_vec();
            if self.holds(part) {
                return true;
            }
            self.wishes.clone_from_slice(&before);
        }
        false
    }

    fn is_harmless(&mut self, name: &str, arguments: &[Expression]) -> bool {
        match (name, arguments) {
            ("json_valid", [_]) => true,
            ("regexp_like", [value, Expression::Text(pattern), ..]) => {
                self.looks(value, of_regex(pattern).map(|it| (it, None)))
            }
            _ => false,
        }
    }

    fn with(&mut self, value: &Expression, change: impl FnOnce(&mut Wish)) -> bool {
        match self.column(value) {
            Some(at) => {
                change(&mut self.wishes[at]);
                true
            }
            None => false,
        }
    }

    fn looks(&mut self, value: &Expression, sample: Option<(String, Option<String>)>) -> bool {
        let Some(sample) = sample else { return false };
        self.with(value, |wish| match sample {
            (before, Some(after)) => wish.around = Some((before, after)),
            (whole, None) => wish.one_of = vec![whole],
        })
    }

    fn is_one_of(&mut self, value: &Expression, list: &[Expression]) -> bool {
        let values: Option<Vec<String>> = list.iter().map(Expression::constant).collect();
        values.is_some_and(|values| self.with(value, |wish| wish.one_of = values))
    }

    fn compares(&mut self, left: &Expression, comparison: Comparison, right: &Expression) -> bool {
        use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, Unequal};
        if let (Some(one), Some(other)) = (self.column(left), self.column(right)) {
            let ahead = self.wishes[other].ahead;
            match comparison {
                Greater | Unequal => self.wishes[one].ahead = ahead + 1,
                GreaterEqual | LessEqual | Equal => {}
                // the turned comparison says the same of the other column
                Less => return false,
            }
            return true;
        }
        match (left, right) {
            (Expression::Call(name, arguments), Expression::Number(length)) if is_length(name) => {
                let Some(value) = arguments.last() else { return false };
                let value = innermost(value);
                let length = *length as u64;
                self.with(value, |wish| match comparison {
                    Greater => wish.min_length = Some(length + 1),
                    GreaterEqual => wish.min_length = Some(length),
                    Less => wish.max_length = Some(length.saturating_sub(1)),
                    LessEqual => wish.max_length = Some(length),
                    Equal => (wish.min_length, wish.max_length) = (Some(length), Some(length)),
                    Unequal => {}
                })
            }
            (Expression::Call(name, arguments), _) => self.compares_call(name, arguments, comparison, right),
            (_, Expression::Number(number)) => self.with(left, |wish| match comparison {
                Greater => wish.min = Some((*number, false)),
                GreaterEqual => wish.min = Some((*number, true)),
                Less => wish.max = Some((*number, false)),
                LessEqual => wish.max = Some((*number, true)),
                Equal => wish.one_of = vec![number.to_string()],
                Unequal => {}
            }),
            (_, Expression::Text(text)) => self.with(left, |wish| match comparison {
                Greater | GreaterEqual => wish.after = Some(text.clone()),
                Less | LessEqual => wish.before = Some(text.clone()),
                Equal => wish.one_of = vec![text.clone()],
                Unequal => {}
            }),
            _ => false,
        }
    }

    fn compares_call(
        &mut self,
        name: &str,
        arguments: &[Expression],
        comparison: Comparison,
        right: &Expression,
    ) -> bool {
        let [argument] = arguments else { return false };
        match (name, comparison, right) {
            ("upper", Comparison::Equal, _) if right == argument => self.with(right, |wish| wish.upper = true),
            // what is made up is in lower case and has no space around it
            ("lower" | "btrim" | "trim", Comparison::Equal, _) if right == argument => self.column(right).is_some(),
            ("trim" | "btrim", Comparison::Unequal, Expression::Text(_)) => self.column(argument).is_some(),
            ("jsonb_typeof" | "json_typeof" | "json_type", Comparison::Equal, Expression::Text(kind)) => {
                self.with(argument, |wish| wish.json_array = kind.eq_ignore_ascii_case("array"))
            }
            _ => false,
        }
    }
}

fn is_length(name: &str) -> bool {
    matches!(name, "length" | "char_length" | "character_length" | "octet_length")
}

/// `name` in `trim(name)`.
fn innermost(expression: &Expression) -> &Expression {
    match expression {
        Expression::Call(name, arguments) if matches!(name.as_str(), "trim" | "btrim" | "lower" | "upper") => {
            arguments.last().map_or(expression, innermost)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(condition: &str, dialect: Dialect) -> Wish {
        let names = ["a".to_owned(), "b".to_owned()];
        let mut wishes = vec![Wish::default(); 2];
        assert!(understand(condition, &names, &mut wishes, dialect), "{condition}");
        wishes.remove(0)
    }

    #[test]
    fn conditions_of_postgres_are_understood_as_its_catalog_writes_them() {
        let postgres = |condition| wish(condition, Dialect::Postgres);
        let none = Wish::default();
        assert_eq!(postgres("((a > (0)::numeric))"), Wish { min: Some((0.0, false)), ..none.clone() });
        assert_eq!(
            postgres("(((a >= '-5'::integer) AND (a <= 100)))"),
            Wish { min: Some((-5.0, true)), max: Some((100.0, true)), ..none.clone() }
        );
        assert_eq!(
            postgres("(((a)::text = ANY ((ARRAY['x'::character varying, 'it''s'::character varying])::text[])))"),
            Wish { one_of: vec!["x".into(), "it's".into()], ..none.clone() }
        );
        assert_eq!(postgres("((length(TRIM(BOTH FROM a)) > 3))"), Wish { min_length: Some(4), ..none.clone() });
        assert_eq!(postgres("((a ~~ '%@%'::text))"), Wish { around: Some(("x".into(), "@x".into())), ..none.clone() });
        assert_eq!(postgres("((a ~ '^[A-Z]{3}$'::text))"), Wish { one_of: vec!["AAA".into()], ..none.clone() });
        assert_eq!(postgres("((a > b))"), Wish { ahead: 1, ..none.clone() });
        assert_eq!(postgres("((b < a))"), Wish { ahead: 1, ..none.clone() });
        assert_eq!(postgres("(((a IS NULL) OR (a > 7)))"), Wish { min: Some((7.0, false)), ..none.clone() });
        assert_eq!(postgres("((a = upper(a)))"), Wish { upper: true, ..none });
    }

    #[test]
    fn conditions_of_mysql_are_understood_as_its_catalog_writes_them() {
        let mysql = |condition| wish(condition, Dialect::MySql);
        let none = Wish::default();
        assert_eq!(mysql("(`a` > 0)"), Wish { min: Some((0.0, false)), ..none.clone() });
        assert_eq!(
            mysql(r"(`a` in (_utf8mb4\'x\',_utf8mb4\'it\\\'s\'))"),
            Wish { one_of: vec!["x".into(), "it's".into()], ..none.clone() }
        );
        assert_eq!(
            mysql("(`a` between 1 and 5)"),
            Wish { min: Some((1.0, true)), max: Some((5.0, true)), ..none.clone() }
        );
        assert_eq!(mysql("(char_length(`a`) >= 8)"), Wish { min_length: Some(8), ..none.clone() });
        assert_eq!(mysql(r"regexp_like(`a`,_utf8mb4\'^[a-c]+\\\\d$\')"), Wish { one_of: vec!["a1".into()], ..none });
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let names = ["a".to_owned()];
        for condition in ["((a % 2) = 0)", "(f(a))", "(a > now())", "num_nonnulls(a, b) = 1"] {
            assert!(!understand(condition, &names, &mut [Wish::default()], Dialect::Postgres), "{condition}");
        }
    }
}
