//! Random numbers that are the same for the same seed, on every machine and in every version: splitmix64.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included.
    pub(super) fn to(&mut self, most: i64) -> i64 {
        let most = u64::try_from(most.max(0)).unwrap();
        i64::try_from(((u128::from(self.next()) * u128::from(most + 1)) >> 64) as u64).unwrap()
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.to(high - low)
    }

    /// A number from 1 to `most`; small numbers are as likely as large ones.
    pub(super) fn size(&mut self, most: u32) -> u32 {
        let bits = self.to(i64::from(most.ilog2()));
        self.to((2_i64 << bits) - 1).clamp(1, i64::from(most)) as u32
    }

    /// True `percent` times in a hundred.
    pub(super) fn percent(&mut self, percent: i64) -> bool {
        self.to(99) < percent
    }

    /// An extreme, or anything between: faults hide at the edges.
    pub(super) fn edgy(&mut self, low: i64, high: i64) -> i64 {
        match self.to(3) {
            0 => low,
            1 => high,
            _ => self.within(low, high),
        }
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::try_from(self.to(among.len() as i64 - 1)).unwrap()]
    }
}
