//! A lower bound of replicas for each hour of the day, UTC.

use crate::units::Replicas;

/// `minReplicas` from each full hour on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours(pub [Replicas; 24]);

impl Hours {
    /// The least bound of the day.
    #[must_use]
    pub fn least(&self) -> Replicas {
        self.0.iter().copied().min().unwrap_or(1)
    }

    /// Stretches of hours of one bound, as `(from, to, replicas)`, in order of `from`; one may reach past midnight, and
    /// a day without a change is a stretch from 0 to 0.
    #[must_use]
    pub fn stretches(&self) -> Vec<(u8, u8, Replicas)> {
        let before = |hour: usize| self.0[(hour + 23) % 24];
        let starts: Vec<usize> = (0..24).filter(|&hour| self.0[hour] != before(hour)).collect();
        let Some(&first) = starts.first() else { return vec![(0, 0, self.0[0])] };
        let ends = starts.iter().skip(1).chain([&first]);
        starts.iter().zip(ends).map(|(&from, &to)| (from as u8, to as u8, self.0[from])).collect()
    }

    /// The cron expression of a full hour.
    #[must_use]
    pub fn cron(hour: u8) -> String {
        format!("0 {hour} * * *")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hours_join_across_midnight() {
        let mut replicas = [1; 24];
        replicas[22..].fill(4);
        replicas[..3].fill(4);
        replicas[3] = 6;
        assert_eq!(Hours(replicas).stretches(), [(3, 4, 6), (4, 22, 1), (22, 3, 4)]);
        assert_eq!(Hours([5; 24]).stretches(), [(0, 0, 5)]);
    }

    proptest::proptest! {
        #[test]
        fn the_stretches_cover_the_day_once(replicas in proptest::array::uniform24(1..4_i32)) {
            let mut seen = [0; 24];
            for (from, to, bound) in Hours(replicas).stretches() {
                let length = if from == to { 24 } else { (to + 24 - from) % 24 };
                for hour in (0..length).map(|offset| usize::from((from + offset) % 24)) {
                    proptest::prop_assert_eq!(replicas[hour], bound);
                    seen[hour] += 1;
                }
            }
            proptest::prop_assert_eq!(seen, [1; 24]);
        }
    }
}
