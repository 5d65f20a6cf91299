//! Repeatable randomness: a seed and an index give one number, in whatever order the requests came.

/// A number in `[0, 1)` for the `index`-th choice of the stream `seed`.
///
/// The mixing is SplitMix64's: good enough to spread faults and delays, not to keep secrets.
pub(crate) fn unit(seed: u64, index: u64) -> f64 {
    // An f64 holds the top 53 bits exactly, so the result never rounds up to 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    let value = (mix(seed, index) >> 11) as f64;
    value / 9_007_199_254_740_992.0
}

/// A whole number in `0..=most`.
pub(crate) fn up_to(most: u64, seed: u64, index: u64) -> u64 {
    most.checked_add(1).map_or_else(|| mix(seed, index), |size| mix(seed, index) % size)
}

/// Sixteen bytes for an id.
pub(crate) fn bytes(seed: u64) -> [u8; 16] {
    (u128::from(mix(seed, 0)) << 64 | u128::from(mix(seed, 1))).to_be_bytes()
}

fn mix(seed: u64, index: u64) -> u64 {
    let mut bits = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::{unit, up_to};

    #[test]
    fn repeats_itself_and_spreads() {
        assert!((unit(7, 3) - unit(7, 3)).abs() < f64::EPSILON);
        let hits = (0..10_000).filter(|index| unit(7, *index) < 0.25).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }

    #[test]
    fn a_whole_number_stays_in_its_range() {
        assert!((0..1_000).all(|index| up_to(3, 1, index) <= 3));
        assert!((0..1_000).any(|index| up_to(3, 1, index) == 3));
        assert_eq!(up_to(0, 1, 1), 0);
    }
}
