//! A waiver's statement is found by its place in the file, in whatever the planner writes: both readers of a file agree
//! where a statement begins and ends.

use pontoon::Dialect;
use pontoon::migration::{Step, Undo, file};
use pontoon::plan::plan;
use pontoon_xtask::verify::sql_files::comments;

use crate::cases::{self, Case};

macro_rules! functions {
    ($($name:ident,)*) => { &[$((stringify!($name), cases::$name as Made)),*] };
}

type Made = fn(Dialect) -> Case;

const ALL: &[(&str, Made)] = cases::every_case!(functions);

/// The lines of a step and of its way back.
fn lines(step: &Step) -> Vec<usize> {
    let mut lines = vec![step.line()];
    if let Step::Statement(it) = step
        && let Undo::Statements(undo) = &it.undo
    {
        lines.extend(undo.iter().map(|it| it.line));
    }
    lines
}

#[test]
fn a_waiver_above_any_planned_statement_is_beside_it_and_its_way_back() {
    let mut found = 0;
    for (name, case) in ALL {
        for dialect in Dialect::ALL {
            let case = case(dialect);
            let ways = case.ways();
            let way = ways.last().unwrap();
            let planned = plan(way.id, &way.from, &way.to, &way.intents, dialect).unwrap();
            let text = file::render(&planned.migration);
            // above every statement that has none yet: its directives begin behind an empty line
            let waived = text.replace("\n\n-- ", "\n\n-- pontoon: allow(undo-differs, reason = \"x\")\n-- ");
            let waived = waived.replace("-- pontoon: allow(undo-differs, reason = \"x\")\n-- @stage", "-- @stage");
            let migration = file::parse(way.id, dialect, name, &waived).unwrap_or_else(|error| panic!("{error}"));
            let comments = comments(&waived, dialect).unwrap_or_else(|error| panic!("{name} {dialect}: {error:?}"));
            let waivers: Vec<_> = comments.iter().filter(|it| it.text.starts_with("pontoon: allow")).collect();
            for (_, step) in &migration.steps {
                for line in lines(step) {
                    let beside = waivers.iter().filter_map(|it| it.beside);
                    let count = beside.filter(|it| (it.first..=it.last).contains(&line)).count();
                    assert_eq!(count, 1, "{name} {dialect}, line {line} of\n{waived}");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 300, "{found}");
}
