//! What a program sees while a command runs: one JSON object a line, on standard output.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::exec::{Event, Observer, Outcome};

pub(super) struct Json;

impl Observer for Json {
    fn event(&self, event: &Event) {
        line(&event.to_json());
    }
}

/// What the command did, as the last line.
pub(super) fn outcome(outcome: &Outcome) {
    line(&match outcome {
        Outcome::Did { migration, stage } => {
            json!({ "event": "outcome", "migration": migration, "stage": stage.name() })
        }
        Outcome::Nothing(why) => json!({ "event": "outcome", "nothing": why }),
    });
}

fn line(value: &Value) {
    // who does not listen any more need not be told
    writeln!(std::io::stdout().lock(), "{value}").ok();
}
