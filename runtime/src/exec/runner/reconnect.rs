//! A command whose connections are lost (a restart, a failover, somebody's KILL) is begun again: what was done the ledger
//! and the catalog know, so a second run goes on where the first one ended, whoever starts it.

use std::time::{Duration, Instant};

use super::Options;
use crate::exec::event::{self, Event};
use crate::exec::retry::pause;
use crate::exec::{ExecError, meter};

/// An attempt that has worked for so long was no failed one, and the patience begins anew.
const WORKED: Duration = Duration::from_secs(10);

/// How often in a row, and since when, the connections of a command were lost.
pub(super) struct Reconnects<'a> {
    options: &'a Options,
    begun: Instant,
    lost: Option<(Instant, u32)>,
    /// How often people had told fills to stop when the command began.
    aborts: Option<u64>,
}

impl<'a> Reconnects<'a> {
    /// A command begins.
    pub(super) fn of(options: &'a Options) -> Self {
        Self { options, begun: Instant::now(), lost: None, aborts: None }
    }

    /// Lets a command that was begun again count from where it first began: who told fills to stop while it had no
    /// connection has told it too.
    pub(super) const fn remember(&mut self, aborts: &mut u64) {
        match self.aborts {
            Some(first) => *aborts = first,
            None => self.aborts = Some(*aborts),
        }
    }

    /// Waits until the command may be begun again; or gives what it ended with, where that is no lost connection, or the
    /// server has been gone for the whole budget of a statement.
    pub(super) async fn after<T>(&mut self, outcome: Result<T, ExecError>) -> Option<Result<T, ExecError>> {
        let error = match outcome {
            Err(error) if error.is_lost() || self.lost.is_some() && error.may_pass() => error,
            other => return Some(other),
        };
        let (since, attempts) = match self.lost {
            Some(known) if self.begun.elapsed() < WORKED => known,
            _ => (Instant::now(), 0),
        };
        if since.elapsed() >= self.options.patience.budget {
            return Some(Err(error));
        }
        meter::lost();
        event::tell(&*self.options.observer, &Event::Lost { reason: error.to_string() });
        self.lost = Some((since, attempts + 1));
        tokio::time::sleep(pause(attempts + 1)).await;
        self.begun = Instant::now();
        None
    }
}

/// Opens the connections by this way of the runner's, does this with them, and closes them; and again, if they were lost.
/// (An async closure would do, if its future could be sent to another thread.)
macro_rules! persevering {
    ($runner:expr, $open:ident, |$work:ident| $doing:expr) => {{
        let mut reconnects = super::runner::reconnect::Reconnects::of(&$runner.options);
        loop {
            let attempt = async {
                let mut $work = $runner.$open().await?;
                reconnects.remember(&mut $work.aborts);
                let outcome = $doing.await;
                $work.end().await;
                outcome
            };
            let options = &$runner.options;
            // what has stopped for want of room is left as it is: its connections end, and its commits may still come
            let outcome = tokio::select! {
                outcome = attempt => outcome,
                error = $crate::exec::disk::watch(&$runner.pool, &*options.observer, options.patience.budget) => Err(error),
            };
            if let Some(outcome) = reconnects.after(outcome).await {
                break outcome;
            }
        }
    }};
}
pub(super) use persevering;
