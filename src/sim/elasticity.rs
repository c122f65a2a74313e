//! How well supply followed demand: the SPEC RG elasticity metrics, and reversals of direction.
//!
//! Source: Herbst et al., "Quantifying Cloud Performance and Dependability", TOMPECS 2018; the formulas are those of
//! Imdoukh et al. 2020, eqs 12 to 16.

use super::outcome::Elasticity;

/// How far supply is from demand: rates of the integrals below, constant while both are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gap {
    under: f64,
    over: f64,
    too_few: f64,
    too_many: f64,
    missing: f64,
    surplus: f64,
    idle: f64,
}

impl Gap {
    /// Between a demand and a supply of pods.
    /// ```text
    /// θ_U: max(d − s, 0)/d;   θ_O: max(s − d, 0)/d;   both 0 where d = 0
    /// a_U: max(d − s, 0);     a_O: max(s − d, 0)
    /// ```
    #[must_use]
    pub fn new(demand: f64, supply: f64) -> Self {
        let relative = |gap: f64| if demand > 0.0 { gap.max(0.0) / demand } else { 0.0 };
        Self {
            under: relative(demand - supply),
            over: relative(supply - demand),
            too_few: f64::from(u8::from(demand > supply)),
            too_many: f64::from(u8::from(supply > demand)),
            missing: (demand - supply).max(0.0),
            surplus: (supply - demand).max(0.0),
            idle: if demand > 0.0 { 0.0 } else { supply },
        }
    }
}

/// Running sums of the elasticity metrics; those of several runs add up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Curves {
    under: f64,
    over: f64,
    too_few: f64,
    too_many: f64,
    seconds: f64,
    missing: f64,
    surplus: f64,
    idle: f64,
    against: f64,
    steps: f64,
    supply_moves: f64,
    demand_moves: f64,
    /// Pod-seconds that `R` pods would have been.
    capacity: f64,
    last: Option<(f64, f64)>,
}

impl Curves {
    /// Holds a gap for `seconds`.
    #[inline]
    pub fn hold(&mut self, gap: &Gap, seconds: f64) {
        self.under += gap.under * seconds;
        self.over += gap.over * seconds;
        self.too_few += gap.too_few * seconds;
        self.too_many += gap.too_many * seconds;
        self.missing += gap.missing * seconds;
        self.surplus += gap.surplus * seconds;
        self.idle += gap.idle * seconds;
        self.seconds += seconds;
    }

    /// The whole so far is of a function that needs up to `most` pods, the `R` of `a_U` and `a_O`.
    pub fn of_at_most(&mut self, most: f64) {
        self.capacity = most * self.seconds;
    }

    /// Samples both curves, at equal distances: instability compares the signs of their steps, jitter their numbers.
    pub fn sample(&mut self, demand: f64, supply: f64) {
        if let Some((was_demand, was_supply)) = self.last {
            let sign = |step: f64| if step == 0.0 { 0.0 } else { step.signum() };
            self.against += (sign(supply - was_supply) - sign(demand - was_demand)).abs().min(1.0);
            self.steps += 1.0;
            self.supply_moves += sign(supply - was_supply).abs();
            self.demand_moves += sign(demand - was_demand).abs();
        }
        self.last = Some((demand, supply));
    }

    /// Adds the sums of another run.
    pub fn merge(&mut self, other: &Self) {
        self.under += other.under;
        self.over += other.over;
        self.too_few += other.too_few;
        self.too_many += other.too_many;
        self.seconds += other.seconds;
        self.missing += other.missing;
        self.surplus += other.surplus;
        self.idle += other.idle;
        self.against += other.against;
        self.steps += other.steps;
        self.supply_moves += other.supply_moves;
        self.demand_moves += other.demand_moves;
        self.capacity += other.capacity;
    }

    /// The metrics, in percent; jitter per hour.
    #[must_use]
    pub fn metrics(&self) -> Elasticity {
        let percent = |sum: f64, of: f64| if of > 0.0 { 100.0 * sum / of } else { 0.0 };
        let shares = [self.under, self.over, self.too_few, self.too_many].map(|sum| percent(sum, self.seconds));
        let [theta_u, theta_o, tau_u, tau_o] = shares;
        let instability = percent(self.against, self.steps);
        let cubes = shares.into_iter().chain([instability]).map(|share| share.powi(3));
        Elasticity {
            theta_u,
            theta_o,
            tau_u,
            tau_o,
            instability,
            deviation: cubes.sum::<f64>().cbrt(),
            idle_pod_seconds: self.idle,
            a_u: percent(self.missing, self.capacity),
            a_o: percent(self.surplus, self.capacity),
            jitter: 36.0 * percent(self.supply_moves - self.demand_moves, self.seconds),
        }
    }
}

/// Counts changes of direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reversals {
    direction: i32,
    /// How many there were.
    pub count: u32,
}

impl Reversals {
    /// A change by `delta`.
    pub fn step(&mut self, delta: i32) {
        if delta != 0 {
            self.count += u32::from(self.direction == -delta.signum());
            self.direction = delta.signum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector was worked out by hand from the formulas.
    #[test]
    fn the_metrics_of_a_worked_example() {
        let demand = [2, 2, 4, 4, 4, 2, 2, 0, 1, 1];
        let supply = [2, 2, 2, 3, 5, 5, 4, 2, 2, 1];
        let mut curves = Curves::default();
        let (mut reversals, mut churn, mut last) = (Reversals::default(), 0, supply[0]);
        for (d, s) in demand.into_iter().zip(supply) {
            curves.hold(&Gap::new(f64::from(d), f64::from(s)), 1.0);
            curves.sample(f64::from(d), f64::from(s));
            reversals.step(s - last);
            churn += (s - last).abs();
            last = s;
        }
        curves.of_at_most(10.0);
        let found = curves.metrics();
        let expected = [(found.theta_u, 7.5), (found.theta_o, 37.5), (found.tau_u, 20.0), (found.tau_o, 50.0)];
        assert!(expected.iter().all(|(found, wanted)| (found - wanted).abs() < 1e-9), "{found:?}");
        assert!((found.instability - 77.78).abs() < 0.005);
        assert!((found.a_u - 3.0).abs() < 1e-9 && (found.a_o - 9.0).abs() < 1e-9, "{found:?}");
        assert!((found.idle_pod_seconds - 2.0).abs() < 1e-9, "{found:?}");
        // (7.5³ + 37.5³ + 20³ + 50³ + (700/9)³)^⅓
        assert!((found.deviation - 86.918_927).abs() < 1e-5, "{found:?}");
        // Supply moves 5 times and demand 4 times in 10 s.
        assert!((found.jitter - 360.0).abs() < 1e-9, "{found:?}");
        assert_eq!((churn, reversals.count), (7, 1));
    }
}
