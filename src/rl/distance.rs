//! How far the observations of a policy at work lie from those that it has learned from.

use super::moments::CUT;

/// A value further than this from its mean in training, in standard deviations, makes an observation a far one.
pub const FAR: f32 = 5.0;

// A value that was cut would hide how far it is.
const _: () = assert!((FAR as f64) < CUT);

/// Counts of decisions and of those whose observation was far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distance {
    decisions: u64,
    far: u64,
    /// Far values, by their place in the observation.
    values: Vec<u64>,
}

impl Distance {
    /// Counts an observation that was normalised by training's moments.
    pub fn observe(&mut self, normalized: &[f32]) {
        self.values.resize(normalized.len(), 0);
        self.decisions += 1;
        let mut any = false;
        for (count, _) in self.values.iter_mut().zip(normalized).filter(|(_, value)| value.abs() > FAR) {
            *count += 1;
            any = true;
        }
        self.far += u64::from(any);
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.values.resize(self.values.len().max(other.values.len()), 0);
        self.decisions += other.decisions;
        self.far += other.far;
        self.values.iter_mut().zip(&other.values).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Share of decisions with a far observation, 0 to 1; 0 of none.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.known().unwrap_or_default()
    }

    /// The same, where there were any: a policy that does not normalise observations does not know how far they are.
    #[must_use]
    pub fn known(&self) -> Option<f64> {
        (self.decisions > 0).then(|| self.far as f64 / self.decisions as f64)
    }

    /// The place of the value that was far most often, and the share of decisions in which it was; the first of equals.
    #[must_use]
    pub fn farthest(&self) -> Option<(usize, f64)> {
        let counted = self.values.iter().enumerate().rev().filter(|(_, count)| **count > 0);
        let (place, &count) = counted.max_by_key(|(_, count)| **count)?;
        Some((place, count as f64 / self.decisions.max(1) as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_observations_are_counted_once_and_their_values_each() {
        let mut distance = Distance::default();
        for observation in [[0.0, 1.0, -4.9], [6.0, 0.0, -9.0], [0.0, 0.0, 5.5], [0.1, 0.2, 0.3]] {
            distance.observe(&observation);
        }
        assert_eq!((distance.share(), distance.farthest()), (0.5, Some((2, 0.5))));
        let mut both = Distance::default();
        both.add(&distance);
        both.add(&distance);
        assert_eq!((both.decisions, both.share(), both.farthest()), (8, 0.5, Some((2, 0.5))));
        let none = Distance::default();
        assert_eq!((none.share(), none.known(), none.farthest()), (0.0, None, None));
    }
}
