//! CMA-ES: evolution of a normal distribution whose covariance follows the steps that paid.
//!
//! Source: Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772, with the default constants of its table 1
//! and positive weights only.

use rand_distr::{Distribution, StandardNormal};

use super::eigen::{Matrix, decompose, identity};
use crate::random::{self, Purpose};

/// The distribution and its paths.
#[derive(Debug, Clone)]
pub struct Cma {
    seed: u64,
    generation: u64,
    mean: Vec<f64>,
    sigma: f64,
    covariance: Matrix,
    path_sigma: Vec<f64>,
    path_covariance: Vec<f64>,
    rates: Rates,
}

/// The constants, from dimension and population alone.
#[derive(Debug, Clone)]
struct Rates {
    population: usize,
    weights: Vec<f64>,
    effective: f64,
    sigma: f64,
    damping: f64,
    path: f64,
    rank_one: f64,
    rank_mu: f64,
    /// Expected length of a standard normal vector.
    chi: f64,
}

impl Rates {
    fn new(n: usize, population: usize) -> Self {
        let dimension = n as f64;
        let parents = population / 2;
        let raw: Vec<f64> =
            (0..parents).map(|i| f64::midpoint(population as f64, 1.0).ln() - ((i + 1) as f64).ln()).collect();
        let total: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / total).collect();
        let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let sigma = (effective + 2.0) / (dimension + effective + 5.0);
        let rank_one = 2.0 / ((dimension + 1.3).powi(2) + effective);
        let rank_mu = 2.0 * (effective - 2.0 + 1.0 / effective) / ((dimension + 2.0).powi(2) + effective);
        Self {
            population,
            weights,
            effective,
            sigma,
            damping: 1.0 + 2.0 * (((effective - 1.0) / (dimension + 1.0)).sqrt() - 1.0).max(0.0) + sigma,
            path: (4.0 + effective / dimension) / (dimension + 4.0 + 2.0 * effective / dimension),
            rank_one,
            rank_mu: rank_mu.min(1.0 - rank_one),
            chi: dimension.sqrt() * (1.0 - 1.0 / (4.0 * dimension) + 1.0 / (21.0 * dimension * dimension)),
        }
    }
}

impl Cma {
    /// Starts around `mean`, which has at least two values, with standard deviation `sigma` each. `population`
    /// candidates a generation, at least 4.
    #[must_use]
    pub fn new(mean: Vec<f64>, sigma: f64, population: usize, seed: u64) -> Self {
        let n = mean.len();
        let rates = Rates::new(n, population.max(4));
        let (path_sigma, path_covariance) = (vec![0.0; n], vec![0.0; n]);
        Self { seed, generation: 0, mean, sigma, covariance: identity(n), path_sigma, path_covariance, rates }
    }

    /// The mean of the distribution.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// One generation: draws candidates, has them judged together (less is better), and moves the distribution.
    pub fn step(&mut self, judge: impl FnOnce(&[Vec<f64>]) -> Vec<f64>) {
        let n = self.mean.len();
        let (values, axes) = decompose(&self.covariance);
        let roots: Vec<f64> = values.iter().map(|value| value.max(1e-20).sqrt()).collect();
        let mut rng = random::stream(self.seed, Purpose::Search, self.generation);
        let steps: Vec<Vec<f64>> = (0..self.rates.population)
            .map(|_| {
                let z: Vec<f64> = roots.iter().map(|root| root * draw(&mut rng)).collect();
                (0..n).map(|i| dot(&axes[i], &z)).collect()
            })
            .collect();
        let place = |step: &Vec<f64>| self.mean.iter().zip(step).map(|(m, y)| m + self.sigma * y).collect();
        let candidates: Vec<Vec<f64>> = steps.iter().map(place).collect();
        let scores = judge(&candidates);
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let best: Vec<&Vec<f64>> = order[..self.rates.weights.len()].iter().map(|&at| &steps[at]).collect();
        self.move_to(&best, &roots, &axes);
    }

    fn move_to(&mut self, best: &[&Vec<f64>], roots: &[f64], axes: &Matrix) {
        let n = self.mean.len();
        let rates = &self.rates;
        let weighted = |of: &dyn Fn(&Vec<f64>) -> f64| best.iter().zip(&rates.weights).map(|(y, w)| w * of(y)).sum();
        let step: Vec<f64> = (0..n).map(|i| weighted(&|y| y[i])).collect();
        // C^{-1/2} y = B D⁻¹ Bᵀ y
        let turned: Vec<f64> = (0..n).map(|k| (0..n).map(|i| axes[i][k] * step[i]).sum::<f64>() / roots[k]).collect();
        let gain = (rates.sigma * (2.0 - rates.sigma) * rates.effective).sqrt();
        for (i, path) in self.path_sigma.iter_mut().enumerate() {
            *path = (1.0 - rates.sigma) * *path + gain * dot(&axes[i], &turned);
        }
        self.generation += 1;
        let length = dot(&self.path_sigma, &self.path_sigma).sqrt();
        let settled = (1.0 - (1.0 - rates.sigma).powf(2.0 * self.generation as f64)).sqrt();
        let steady = f64::from(u8::from(length / settled < (1.4 + 2.0 / (n as f64 + 1.0)) * rates.chi));
        let gain = steady * (rates.path * (2.0 - rates.path) * rates.effective).sqrt();
        for (path, step) in self.path_covariance.iter_mut().zip(&step) {
            *path = (1.0 - rates.path) * *path + gain * step;
        }
        let kept =
            1.0 - rates.rank_one - rates.rank_mu + rates.rank_one * (1.0 - steady) * rates.path * (2.0 - rates.path);
        for i in 0..n {
            for j in 0..n {
                let parents: f64 = weighted(&|y| y[i] * y[j]);
                self.covariance[i][j] = kept * self.covariance[i][j]
                    + rates.rank_one * self.path_covariance[i] * self.path_covariance[j]
                    + rates.rank_mu * parents;
            }
        }
        for (mean, step) in self.mean.iter_mut().zip(&step) {
            *mean += self.sigma * step;
        }
        self.sigma *= ((rates.sigma / rates.damping) * (length / rates.chi - 1.0)).min(1.0).exp();
    }
}

fn draw(rng: &mut impl rand::Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimise(f: impl Fn(&[f64]) -> f64, mean: Vec<f64>, generations: usize) -> f64 {
        let mut cma = Cma::new(mean, 0.5, 12, 1);
        for _ in 0..generations {
            cma.step(|candidates| candidates.iter().map(|x| f(x)).collect());
        }
        f(cma.mean())
    }

    #[test]
    fn an_ellipsoid_with_axes_a_thousand_times_apart_is_minimised() {
        let ellipsoid =
            |x: &[f64]| x.iter().enumerate().map(|(i, x)| 1e6_f64.powf(i as f64 / 9.0) * x * x).sum::<f64>();
        assert!(minimise(ellipsoid, vec![1.0; 10], 600) < 1e-8);
    }

    #[test]
    fn the_bent_valley_of_rosenbrock_is_followed_to_its_end() {
        let rosenbrock =
            |x: &[f64]| x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum::<f64>();
        assert!(minimise(rosenbrock, vec![0.0; 5], 600) < 1e-8);
    }

    #[test]
    fn only_the_order_of_scores_counts() {
        let sphere = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        let plain = minimise(sphere, vec![1.0; 4], 20);
        let mut cma = Cma::new(vec![1.0; 4], 0.5, 12, 1);
        for _ in 0..20 {
            cma.step(|candidates| candidates.iter().map(|x| sphere(x).sqrt() * 1e9 - 7.0).collect());
        }
        assert!((sphere(cma.mean()) - plain).abs() < 1e-15);
    }
}
