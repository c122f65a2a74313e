//! Regular shapes: the course of a day and of a week.

/// The slots of a trace and where they stand in the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Number of slots.
    pub slots: usize,
    /// Length of a slot, in seconds.
    pub step_s: f64,
    /// Hours by which the function's day is late.
    pub phase_h: f64,
}

impl Clock {
    /// Hours from the start of the trace to the middle of a slot, late by the phase.
    pub(super) fn hours(&self, slot: usize) -> f64 {
        (slot as f64 + 0.5) * self.step_s / 3600.0 - self.phase_h
    }

    /// A value for each slot.
    pub(super) fn map(&self, value: impl FnMut(usize) -> f64) -> Vec<f64> {
        (0..self.slots).map(value).collect()
    }
}

/// The hour at which a day is busiest.
const BUSIEST_HOUR: f64 = 14.0;

/// The course of a day with mean 1: a von Mises curve, which is never below 0 and as sharp as its peak asks for.
///
/// ```text
/// s(h) = exp(κ cos(2π (h − 14) / 24)) / I₀(κ),   κ such that s(14) = peak
/// ```
pub(super) struct Day {
    kappa: f64,
    scale: f64,
}

impl Day {
    /// `peak` is 1 or more.
    pub(super) fn new(peak: f64) -> Self {
        let height = |kappa: f64| 1.0 / bessel_i0_scaled(kappa);
        let (mut low, mut high) = (0.0, 1000.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if height(middle) < peak { low = middle } else { high = middle }
        }
        Self { kappa: low, scale: height(low) }
    }

    pub(super) fn at(&self, hours: f64) -> f64 {
        let angle = std::f64::consts::TAU * (hours - BUSIEST_HOUR) / 24.0;
        self.scale * (self.kappa * (angle.cos() - 1.0)).exp()
    }
}

/// `exp(−κ) I₀(κ)`, the mean of `exp(κ (cos θ − 1))` over a turn, by the trapezoid rule, which is exact to rounding for a
/// smooth periodic function.
fn bessel_i0_scaled(kappa: f64) -> f64 {
    let nodes = 1024;
    let node = |n| (kappa * ((std::f64::consts::TAU * f64::from(n) / f64::from(nodes)).cos() - 1.0)).exp();
    (0..nodes).map(node).sum::<f64>() / f64::from(nodes)
}

/// Monday to Sunday over the week's mean: working days alike, a quieter Friday, a weekend at half.
const WEEK: [f64; 7] = [1.16, 1.18, 1.18, 1.16, 1.08, 0.6, 0.64];

/// The level of the day in which `hours` from a Monday's start lies, with mean 1 over a week, blended over four hours at
/// midnight.
pub(super) fn week(hours: f64) -> f64 {
    let day = (hours / 24.0).floor();
    let level = |day: f64| WEEK[day.rem_euclid(7.0) as usize];
    let since_midnight = hours - day * 24.0;
    if since_midnight < 2.0 {
        let share = 0.5 + since_midnight / 4.0;
        return level(day - 1.0) * (1.0 - share) + level(day) * share;
    }
    let share = ((since_midnight - 22.0) / 4.0).max(0.0);
    level(day) * (1.0 - share) + level(day + 1.0) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_mean_one_and_its_peak_at_two_in_the_afternoon() {
        for peak in [1.0, 1.5, 2.5, 10.0] {
            let day = Day::new(peak);
            let mean = (0..1440).map(|minute| day.at(f64::from(minute) / 60.0)).sum::<f64>() / 1440.0;
            assert!((mean - 1.0).abs() < 1e-6, "{mean}");
            assert!((day.at(14.0) - peak).abs() < 1e-6, "{}", day.at(14.0));
            assert!(day.at(2.0) > 0.0);
        }
    }

    #[test]
    fn bessel_is_the_published_one() {
        // Abramowitz and Stegun, table 9.8: I0(1) = 1.2660658778, I0(5) = 27.2398718236.
        assert!((bessel_i0_scaled(1.0) * 1_f64.exp() - 1.266_065_877_8).abs() < 1e-9);
        assert!((bessel_i0_scaled(5.0) * 5_f64.exp() - 27.239_871_823_6).abs() < 1e-7);
    }

    #[test]
    fn a_week_has_mean_one_a_quiet_weekend_and_no_jumps() {
        let minutes = 7 * 1440;
        let at = |minute: i32| week(f64::from(minute) / 60.0);
        let mean = (0..minutes).map(at).sum::<f64>() / f64::from(minutes);
        assert!((mean - 1.0).abs() < 1e-3, "{mean}");
        assert!(week(5.5 * 24.0) < 0.7 * week(2.5 * 24.0));
        assert!((1..2 * minutes).all(|minute| (at(minute) - at(minute - 1)).abs() < 0.01));
    }
}
