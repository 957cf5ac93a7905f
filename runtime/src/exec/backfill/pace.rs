//! How large the next batch is, from how long the last one took.

use std::time::Duration;

/// A size that is steered towards a duration: damped, bounded, and cut at once when a batch took
/// far too long.
#[derive(Debug, Clone, Copy)]
pub(in crate::exec) struct Pace {
    size: f64,
    smallest: f64,
    largest: f64,
    target: f64,
}

impl Pace {
    pub(in crate::exec) fn new(first: u32, smallest: u32, largest: u32, target: Duration) -> Self {
        Self {
            size: f64::from(first),
            smallest: f64::from(smallest),
            largest: f64::from(largest),
            target: target.as_secs_f64().max(0.001),
        }
    }

    /// Steers towards another duration from now on.
    pub(in crate::exec) fn aim(&mut self, target: Duration) {
        self.target = target.as_secs_f64().max(0.001);
    }

    /// The size of the next batch: a round number, one of some thirty for each factor of ten. It
    /// stands in a statement's text, and each text is prepared once; MySQL's driver keeps a hundred of
    /// them, and beyond that each batch waits 40 ms while one is closed (measured: 57 ms a batch,
    /// of which the server worked 27).
    pub(in crate::exec) fn size(&self) -> u64 {
        let size = self.size.max(1.0);
        let decade = 10_f64.powf(size.log10().floor());
        let step = match size / decade {
            leading if leading < 2.0 => 0.1,
            leading if leading < 5.0 => 0.25,
            _ => 0.5,
        };
        let round = (size / decade / step).round() * step * decade;
        round.clamp(self.smallest, self.largest) as u64
    }

    /// Takes in how long a batch of the full size took.
    pub(in crate::exec) fn took(&mut self, took: Duration) {
        let ratio = self.target / took.as_secs_f64().max(1e-6);
        let factor = if ratio < 0.25 { 0.25 } else { 1.0 + (ratio.clamp(0.5, 1.5) - 1.0) / 2.0 };
        self.set(self.size * factor);
    }

    /// Others were in the way: half of it may find less of them.
    pub(in crate::exec) fn gave_way(&mut self) {
        self.set(self.size / 2.0);
    }

    fn set(&mut self, size: f64) {
        self.size = size.clamp(self.smallest, self.largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that takes so long for each row.
    fn after(batches: usize, per_row: Duration) -> u64 {
        let mut pace = Pace::new(100, 1, 100_000, Duration::from_millis(8));
        for _ in 0..batches {
            let took = per_row * u32::try_from(pace.size()).unwrap();
            pace.took(took);
        }
        pace.size()
    }

    #[test]
    fn it_settles_at_the_target() {
        let size = after(60, Duration::from_micros(4));
        assert!((1_900..=2_100).contains(&size), "{size}");
    }

    #[test]
    fn one_slow_batch_cuts_it_to_a_quarter() {
        let mut pace = Pace::new(1_000, 1, 100_000, Duration::from_millis(8));
        pace.took(Duration::from_secs(1));
        assert_eq!(pace.size(), 250);
    }

    #[test]
    fn few_sizes_are_ever_used() {
        let mut pace = Pace::new(500, 200, 2_000, Duration::from_millis(20));
        let mut sizes = std::collections::BTreeSet::new();
        for at in 0..5_000 {
            sizes.insert(pace.size());
            pace.took(Duration::from_micros(5_000 + (at * 7_919) % 40_000));
        }
        assert!(sizes.len() < 60, "{} sizes", sizes.len());
    }

    #[test]
    fn it_stays_within_its_bounds() {
        assert_eq!(after(500, Duration::from_nanos(1)), 100_000);
        assert_eq!(after(500, Duration::from_secs(1)), 1);
    }
}
