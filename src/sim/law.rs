//! The normal law and the law of service times: log-normal with unit mean and a given coefficient of variation.

use std::f64::consts::{PI, SQRT_2};

use rand::Rng;
use rand_distr::{Distribution as _, Gamma, StandardNormal};

use super::settings::Family;

/// A share of requests whose service takes `factor` times the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Share of requests; all shares sum to 1.
    pub share: f64,
    /// Their service time as a multiple of the mean.
    pub factor: f64,
}

/// Service times within a function: log-normal, mean 1. Single requests may be drawn from another family of the same
/// mean and coefficient of variation.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceLaw {
    /// Standard deviation of the logarithm; 0 when service times do not vary.
    sigma: f64,
    points: Vec<Point>,
    sizes: Vec<Point>,
    /// The gamma law that requests are drawn from, when it is not the log-normal one.
    gamma: Option<Gamma<f64>>,
}

/// Edges of the classes of size, for what grows with it: few, because they are summed over at each event.
const SIZES: [f64; 8] = [0.0, 0.4, 0.75, 0.9, 0.96, 0.99, 0.998, 1.0];

/// Edges of the quantile classes, finer towards the tail, because percentiles up to the 99.9th are read from them.
const EDGES: [f64; 23] = [
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995,
    0.998, 0.9995, 1.0,
];

impl ServiceLaw {
    /// The law with coefficient of variation `cv >= 0`.
    #[must_use]
    pub fn new(cv: f64) -> Self {
        let sigma = (1.0 + cv * cv).ln().sqrt();
        let classes = |edges: &[f64]| {
            if sigma > 0.0 { quantile_classes(sigma, edges) } else { vec![Point { share: 1.0, factor: 1.0 }] }
        };
        Self { sigma, points: classes(&EDGES), sizes: classes(&SIZES), gamma: None }
    }

    /// The law with single requests drawn from `family`; a gamma law has shape `1/cv²`, and is exponential at `cv = 1`.
    #[must_use]
    pub fn of_family(cv: f64, family: Family) -> Self {
        let law = Self::new(cv);
        let gamma = || Gamma::new(1.0 / (cv * cv), cv * cv).ok();
        Self { gamma: if family == Family::Gamma && law.sigma > 0.0 { gamma() } else { None }, ..law }
    }

    /// A request's service time as a multiple of the mean.
    #[inline]
    pub fn sample(&self, rng: &mut impl Rng) -> f64 {
        if self.sigma <= 0.0 {
            return 1.0;
        }
        if let Some(gamma) = &self.gamma {
            return gamma.sample(rng);
        }
        let normal: f64 = StandardNormal.sample(rng);
        (self.sigma * (normal - 0.5 * self.sigma)).exp()
    }

    /// The law as classes of requests, each at its own mean, so that the mean of all is 1.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The law as few classes of requests, each at its own mean: for sums over sizes that have to be quick.
    #[must_use]
    pub fn sizes(&self) -> &[Point] {
        &self.sizes
    }

    /// Standard deviation of the logarithm; 0 when service times do not vary.
    pub(super) fn sigma(&self) -> f64 {
        self.sigma
    }

    /// `P(X <= x)`.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        if self.sigma <= 0.0 {
            return f64::from(u8::from(x >= 1.0));
        }
        if x <= 0.0 { 0.0 } else { normal_cdf((x.ln() + self.sigma * self.sigma / 2.0) / self.sigma) }
    }

    /// Half of one plus the squared coefficient of variation: by how much waits differ from those under exponential
    /// service (Allen and Cunneen's approximation with Poisson arrivals).
    #[must_use]
    pub fn variability(&self) -> f64 {
        f64::midpoint(1.0, (self.sigma * self.sigma).exp_m1())
    }
}

/// Each class stands at its conditional mean: `E[X; p0 < F(X) < p1] = Φ(z1 − σ) − Φ(z0 − σ)` for a unit-mean log-normal.
fn quantile_classes(sigma: f64, edges: &[f64]) -> Vec<Point> {
    let partial = |p: f64| match p {
        p if p <= 0.0 => 0.0,
        p if p >= 1.0 => 1.0,
        p => normal_cdf(normal_quantile(p) - sigma),
    };
    let class = |edge: &[f64]| {
        let share = edge[1] - edge[0];
        Point { share, factor: (partial(edge[1]) - partial(edge[0])) / share }
    };
    edges.windows(2).map(class).collect()
}

/// `Φ(z)`, with a relative error below 1.2e-7 in the lower tail.
///
/// Source: Press et al., Numerical Recipes, `erfcc`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = series.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = 0.5 * t * (sum - x * x).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// `φ(z)`.
#[must_use]
pub fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// `Φ⁻¹(p)` for `0 < p < 1`, with an error below 1.2e-9 relative.
///
/// Source: Acklam's rational approximation (2003).
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let poly = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    if p < 0.024_25 {
        let q = (-2.0 * p.ln()).sqrt();
        return poly(&C, q) / (poly(&D, q) * q + 1.0);
    }
    if p > 1.0 - 0.024_25 {
        return -normal_quantile(1.0 - p);
    }
    let q = p - 0.5;
    let r = q * q;
    q * poly(&A, r) / (poly(&B, r) * r + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_law_has_its_tabulated_values() {
        // Values of SciPy's `norm.cdf` and `norm.ppf`.
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (3.0, 0.998_650_102)] {
            assert!((normal_cdf(z) - p).abs() < 2e-7, "{z}");
            assert!((normal_quantile(p) - z).abs() < 1e-6, "{p}");
        }
        assert!((normal_quantile(0.99) - 2.326_347_874).abs() < 1e-6);
    }

    #[test]
    fn classes_of_service_times_keep_the_mean_and_the_shares() {
        for cv in [0.0, 0.3, 1.0, 3.0] {
            let law = ServiceLaw::new(cv);
            let share: f64 = law.points().iter().map(|point| point.share).sum();
            let mean: f64 = law.points().iter().map(|point| point.share * point.factor).sum();
            assert!((share - 1.0).abs() < 1e-12 && (mean - 1.0).abs() < 1e-6, "cv {cv}: {share} {mean}");
            assert!(law.points().windows(2).all(|pair| pair[0].factor < pair[1].factor));
        }
    }

    #[test]
    fn drawn_service_times_have_the_mean_and_the_variation_of_their_law() {
        use crate::random::{Purpose, stream};
        const DRAWS: i32 = 400_000;
        for family in [Family::LogNormal, Family::Gamma] {
            for cv in [0.0, 0.3, 1.0] {
                let (law, mut rng) = (ServiceLaw::of_family(cv, family), stream(1, Purpose::Service, 0));
                let draws: Vec<f64> = (0..DRAWS).map(|_| law.sample(&mut rng)).collect();
                let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
                let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(DRAWS);
                assert!((mean - 1.0).abs() < 0.01, "{family:?} {cv}: {mean}");
                assert!((variance.sqrt() - cv).abs() < 0.03, "{family:?} {cv}: {}", variance.sqrt());
                let below = draws.iter().filter(|&&x| x <= 0.5).count() as f64 / f64::from(DRAWS);
                let exact = match family {
                    Family::LogNormal => law.cdf(0.5),
                    Family::Gamma if cv > 0.9 => 1.0 - (-0.5_f64).exp(),
                    Family::Gamma => continue,
                };
                assert!((below - exact).abs() < 0.004, "{family:?} {cv}: {below} for {exact}");
            }
        }
    }

    #[test]
    fn a_coefficient_of_variation_of_one_queues_as_exponential_service_does() {
        assert!((ServiceLaw::new(1.0).variability() - 1.0).abs() < 1e-12);
        assert!((ServiceLaw::new(0.0).variability() - 0.5).abs() < 1e-12);
    }
}
