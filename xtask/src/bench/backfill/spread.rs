//! Several measurements of the same thing as one figure, with how far apart they were.

use std::fmt;

/// The median of some figures, the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Nothing of nothing.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<_> = figures.into_iter().filter(|it| it.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (*all.first()?, *all.last()?);
        let (lower, upper) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
        Some(Self { least, median: f64::midpoint(lower, upper), most })
    }
}

/// `1.25 (1.20-1.31)`, with as many digits as are asked for; without a spread where there is none.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let text = |it: f64| format!("{it:.digits$}");
        let (least, median, most) = (text(self.least), text(self.median), text(self.most));
        match least == most {
            true => f.write_str(&median),
            false => write!(f, "{median} ({least}-{most})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_with_its_ends() {
        let text = |all: &[f64]| Spread::of(all.iter().copied()).map(|it| format!("{it:.1}"));
        assert_eq!(text(&[3.0, 1.0, 2.0]), Some("2.0 (1.0-3.0)".to_owned()));
        assert_eq!(text(&[1.0, 2.0]), Some("1.5 (1.0-2.0)".to_owned()));
        assert_eq!(text(&[1.01, 1.02]), Some("1.0".to_owned()));
        assert_eq!(text(&[f64::NAN]), None);
    }
}
