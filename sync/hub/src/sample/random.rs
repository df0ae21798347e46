//! A tiny source of numbers for the sample: splitmix64 (Steele, Lea, Flood 2014). Same seed, same sample, on every
//! machine. Not for keys.

pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In -1.0 … 1.0, more often near 0.
    pub fn sway(&mut self) -> f64 {
        let unit = |n: u64| (n >> 11) as f64 / (1_u64 << 53) as f64;
        unit(self.next()) + unit(self.next()) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        assert_eq!(Random::new(1_234_567).next(), 6_457_827_717_110_365_317);
        assert!((0..1000).scan(Random::new(1), |r, _| Some(r.sway())).all(|n| (-1.0..1.0).contains(&n)));
    }
}
