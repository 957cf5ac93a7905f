//! Which of a billion values come twice, in bounded memory.
//!
//! One bit for each value: whose bit is set already is a suspect. With 16 bits a row one in some thirty is, for no
//! reason; a second look counts the suspects alone, exactly.

/// The most suspects before they are looked at: 256 MB.
const MOST: usize = 1 << 24;

/// Bits, at least and at most: 2 MB and 1 GB.
const BITS: [f64; 2] = [(1_u64 << 24) as f64, (1_u64 << 33) as f64];

pub(super) struct Sieve {
    bits: Vec<u64>,
    suspects: Vec<u128>,
    most: usize,
}

/// Values that may come twice, in order, and how often each was seen, and in which batch first.
pub(super) struct Suspects {
    hashes: Vec<u128>,
    counts: Vec<u64>,
    batches: Vec<u32>,
}

impl Sieve {
    /// For so many rows, more or less.
    pub(super) fn new(rows: f64) -> Self {
        let bits = (rows * 16.0).clamp(BITS[0], BITS[1]) as u64;
        let words = usize::try_from(bits.next_power_of_two() / 64).unwrap_or(1 << 18);
        Self { bits: vec![0; words], suspects: Vec::new(), most: MOST }
    }

    pub(super) fn add(&mut self, hash: u128) {
        let place = hash as usize & (self.bits.len() * 64 - 1);
        let (word, bit) = (place / 64, 1 << (place % 64));
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            return;
        }
        self.suspects.push(hash);
    }

    /// Whether the suspects should be looked at before there are more.
    pub(super) fn is_full(&mut self) -> bool {
        if self.suspects.len() < self.most {
            return false;
        }
        // a value of many rows is one suspect
        self.tidy();
        self.suspects.len() >= self.most / 2
    }

    /// The suspects so far. What was seen stays seen.
    pub(super) fn take(&mut self) -> Suspects {
        self.tidy();
        let hashes = std::mem::take(&mut self.suspects);
        Suspects { counts: vec![0; hashes.len()], batches: vec![0; hashes.len()], hashes }
    }

    fn tidy(&mut self) {
        self.suspects.sort_unstable();
        self.suspects.dedup();
    }
}

impl Suspects {
    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Counts a value: which suspect it is, and how often it was seen by now.
    pub(super) fn count(&mut self, hash: u128, batch: u32) -> Option<(usize, u64)> {
        let place = self.hashes.binary_search(&hash).ok()?;
        self.counts[place] += 1;
        if self.counts[place] == 1 {
            self.batches[place] = batch;
        }
        Some((place, self.counts[place]))
    }

    /// The batch in which it was first.
    pub(super) fn first(&self, place: usize) -> u32 {
        self.batches[place]
    }

    pub(super) fn times(&self, place: usize) -> u64 {
        self.counts[place]
    }

    /// How many were seen more than once.
    pub(super) fn guilty(&self) -> usize {
        self.counts.iter().filter(|it| **it > 1).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some hash: what comes of it matters only in that it is spread.
    fn hash(value: u128) -> u128 {
        let mixed = (value + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        (mixed ^ (mixed >> 61)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    #[test]
    fn what_comes_twice_is_found_and_nothing_else_is() {
        let mut sieve = Sieve { bits: vec![0; 64], suspects: Vec::new(), most: 1 << 20 };
        let values = || (0..10_000).chain([17, 4_711, 17]).map(hash);
        values().for_each(|it| sieve.add(it));
        let mut suspects = sieve.take();
        assert!(suspects.hashes.len() > 5_000, "so few bits let most of them by");
        let mut found = Vec::new();
        for value in values() {
            if let Some((place, 2)) = suspects.count(value, 7) {
                found.push(place);
            }
        }
        let times: Vec<_> = found.iter().map(|it| (suspects.hashes[*it], suspects.times(*it))).collect();
        assert_eq!((times.len(), suspects.guilty()), (2, 2));
        assert_eq!(suspects.first(found[0]), 7);
        assert!(times.contains(&(hash(17), 3)) && times.contains(&(hash(4_711), 2)));
    }

    #[test]
    fn one_value_in_every_row_takes_no_memory() {
        let mut sieve = Sieve { bits: vec![0; 64], suspects: Vec::new(), most: 100 };
        for _ in 0..10_000 {
            sieve.add(hash(1));
            assert!(!sieve.is_full() && sieve.suspects.len() <= 100);
        }
        assert_eq!(sieve.take().hashes, [hash(1)]);
    }

    #[test]
    fn the_bits_are_a_power_of_two_for_any_table() {
        for rows in [-1.0, 0.0, 3e6] {
            assert!((Sieve::new(rows).bits.len() * 64).is_power_of_two(), "{rows}");
        }
    }
}
