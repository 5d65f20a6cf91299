//! Random choices that a printed seed repeats.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64: small, and good enough to choose delays and bytes.
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of the seed in `RECADO_TEST_SEED`, or of a new seed. The seed is printed.
    pub(crate) fn for_test(name: &str) -> Self {
        let fresh = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap();
        let seed = std::env::var("RECADO_TEST_SEED").ok().map_or_else(fresh, |seed| seed.parse().unwrap());
        println!("{name}: repeat with RECADO_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to `high`, without `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    /// An index or a length below `high`.
    pub(crate) fn below(&mut self, high: usize) -> usize {
        usize::try_from(self.between(0, u64::try_from(high).unwrap())).unwrap()
    }

    /// One of these.
    pub(crate) fn one_of<'t, T>(&mut self, these: &'t [T]) -> &'t T {
        &these[self.below(these.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
