//! Which number each column takes in which row, so that no two rows agree in a unique key.
//!
//! Columns of one foreign key take their values together: they are one unit, and so is
//! every other column. A unit whose values never run out makes every key that it is in
//! unique by itself. Where there is none (a table that joins two others), the units of a
//! key are the digits of a number.

use super::model::Unique;

/// What takes its values together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) columns: Vec<usize>,
    /// How many different values it has.
    pub(super) capacity: u64,
}

/// The number of every unit, as an expression of the row's number `n`, and how many rows there can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbering {
    pub(super) numbers: Vec<String>,
    pub(super) rows: u64,
    /// The key that limits the rows, if one does.
    pub(super) limited_by: Option<Vec<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Free,
    /// The row's number itself.
    Plain,
    /// `n / divisor % modulus`
    Digit(u64, u64),
}

/// Numbers the units. A key with a column outside all units is unique by the server's or NULL's doing.
pub(super) fn number(units: &[Unit], uniques: &[Unique], wanted: u64, divide: &str) -> Numbering {
    let mut roles = vec![Role::Free; units.len()];
    let mut rows = wanted;
    let mut limited_by = None;
    let mut keys: Vec<(Vec<usize>, &Unique)> =
        uniques.iter().filter_map(|it| Some((units_of(it, units)?, it))).collect();
    keys.sort_by_key(|(units, _)| units.len());
    for (key, unique) in keys {
        let enough = |at: usize| units[at].capacity >= rows;
        if key.iter().any(|at| roles[*at] == Role::Plain && enough(*at)) {
            continue;
        }
        let free: Vec<usize> = key.iter().copied().filter(|at| roles[*at] == Role::Free).collect();
        let most = if let Some(at) = free.iter().copied().find(|at| enough(*at)) {
            roles[at] = Role::Plain;
            rows
        } else if free.len() == key.len() {
            digits(&free, units, &mut roles)
        } else if let Some(at) = free.iter().copied().max_by_key(|at| units[*at].capacity) {
            roles[at] = Role::Plain;
            units[at].capacity
        } else {
            // two keys share their columns: whoever inserts must skip what is there
            rows
        };
        if most < rows {
            rows = most;
            limited_by = Some(unique.columns.clone());
        }
    }
    let numbers = roles.iter().zip(units).map(|(role, unit)| expression(*role, unit.capacity, rows, divide)).collect();
    Numbering { numbers, rows, limited_by }
}

/// The units that make up a key; `None` if one of its columns is in no unit.
fn units_of(unique: &Unique, units: &[Unit]) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for column in &unique.columns {
        found.push(units.iter().position(|unit| unit.columns.contains(column))?);
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Makes units the digits of a number; gives how many numbers there are.
fn digits(free: &[usize], units: &[Unit], roles: &mut [Role]) -> u64 {
    if let [at] = free {
        roles[*at] = Role::Plain;
        return units[*at].capacity;
    }
    let mut divisor = 1_u64;
    for at in free {
        let capacity = units[*at].capacity.max(1);
        roles[*at] = Role::Digit(divisor, capacity);
        divisor = divisor.saturating_mul(capacity);
    }
    divisor
}

fn expression(role: Role, capacity: u64, rows: u64, divide: &str) -> String {
    match role {
        Role::Digit(1, modulus) => format!("n % {modulus}"),
        Role::Digit(divisor, modulus) => format!("n {divide} {divisor} % {modulus}"),
        Role::Free if capacity < rows => format!("n % {}", capacity.max(1)),
        Role::Free | Role::Plain => "n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(columns: &[usize], capacity: u64) -> Unit {
        Unit { columns: columns.to_vec(), capacity }
    }

    fn unique(columns: &[usize]) -> Unique {
        Unique { columns: columns.to_vec(), nulls_distinct: true }
    }

    #[test]
    fn one_inexhaustible_column_makes_a_key_unique() {
        let units = [unit(&[0], 2), unit(&[1], 1000)];
        let numbering = number(&units, &[unique(&[0, 1])], 100, "/");
        assert_eq!(numbering, Numbering { numbers: vec!["n % 2".into(), "n".into()], rows: 100, limited_by: None });
    }

    #[test]
    fn a_table_that_joins_others_takes_each_pair_once() {
        let units = [unit(&[0], 20), unit(&[1, 2], 30)];
        let numbering = number(&units, &[unique(&[0, 1])], 1000, "/");
        assert_eq!(numbering.numbers, ["n % 20", "n / 20 % 30"]);
        assert_eq!((numbering.rows, numbering.limited_by), (600, Some(vec![0, 1])));
    }

    #[test]
    fn a_small_type_limits_the_rows() {
        let numbering = number(&[unit(&[0], 2), unit(&[1], 9)], &[unique(&[0])], 50, "/");
        assert_eq!(numbering, Numbering { numbers: vec!["n".into(), "n".into()], rows: 2, limited_by: Some(vec![0]) });
    }

    #[test]
    fn a_key_with_a_column_of_the_servers_needs_nothing() {
        let numbering = number(&[unit(&[1], 2)], &[unique(&[0, 1]), unique(&[0])], 50, "/");
        assert_eq!((numbering.rows, numbering.numbers), (50, vec!["n % 2".to_owned()]));
    }
}
