//! An update's passes over its steps: gradients and Adam's steps, in the program's memory or on a device.
//!
//! On a device, parameters, moments and the update's batch stay there until the passes end: only the order of the rows and
//! their advantages go up for a minibatch, and only its losses come back.

use candle_core::{Device, Result, Tensor};

use super::adam::{Adam, BETA1, BETA2, EPSILON, clip_norm};
use super::experience::pick;
use super::fused::{Fused, Rows};
use super::gradient::{self, Losses, Minibatch, Objective, Remembered};
use super::loss::Loss;
use super::network::Network;
use super::sheet::Sheet;
use super::variables::Variables;

/// Step sizes of parts of the parameters: `(end, rate)`, in order, together the whole.
pub(super) type Rates = [(usize, f64); 2];

/// Passes that go on.
pub(super) trait Course {
    /// The losses of some rows, with their advantages; their gradient is kept for [`step`](Self::step).
    fn gradient(&mut self, order: &[u32], advantages: &[f32], objective: Objective) -> Result<Losses>;

    /// One step of Adam along the last gradient, cut to the norm `most`. Returns the norm before.
    fn step(&mut self, most: f64) -> Result<f64>;

    /// Leaves parameters and moments where the passes found them.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// What passes change.
pub(super) struct Learned<'a> {
    pub(super) theta: &'a mut Vec<f32>,
    pub(super) adam: &'a mut Adam,
}

/// Passes in the program's memory.
pub(super) struct Host<'a> {
    /// The kernels; without them it is Candle's graph.
    pub(super) fused: Option<&'a mut Fused>,
    pub(super) network: &'a Network,
    pub(super) batch: &'a Minibatch,
    pub(super) learned: Learned<'a>,
    pub(super) rates: Rates,
    pub(super) gradient: Vec<f32>,
}

impl Course for Host<'_> {
    fn gradient(&mut self, order: &[u32], advantages: &[f32], objective: Objective) -> Result<Losses> {
        let rows = Rows { batch: self.batch, order, advantages };
        if let Some(fused) = &mut self.fused {
            return Ok(fused.gradient(self.learned.theta, &rows, objective, &mut self.gradient));
        }
        let batch = gather(&rows, self.network);
        let (losses, gradient) = gradient::gradient(self.network, self.learned.theta, &batch, objective, &Device::Cpu)?;
        self.gradient = gradient;
        Ok(losses)
    }

    fn step(&mut self, most: f64) -> Result<f64> {
        let norm = clip_norm(&mut self.gradient, most);
        self.learned.adam.step_parts(self.learned.theta, &self.gradient, &self.rates);
        Ok(norm)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The rows alone, in their order.
pub(super) fn gather(rows: &Rows<'_>, network: &Network) -> Minibatch {
    let Rows { batch, order, .. } = rows;
    Minibatch {
        observations: pick(&batch.observations, network.observation(), order),
        criticized: pick(&batch.criticized, network.critic.inputs(), order),
        actions: pick(&batch.actions, network.heads.len(), order),
        masks: pick(&batch.masks, network.actor.outputs(), order),
        forced: pick(&batch.forced, 1, order),
        memory: remembered(rows, network.width()),
        log_probabilities: pick(&batch.log_probabilities, 1, order),
        advantages: rows.advantages.to_vec(),
        returns: pick(&batch.returns, network.values, order),
        reference_log_probabilities: pick(&batch.reference_log_probabilities, 1, order),
    }
}

/// What is remembered in the rows, which are whole sequences.
fn remembered(rows: &Rows<'_>, width: usize) -> Remembered {
    let Remembered { steps, before, fresh } = &rows.batch.memory;
    if *steps == 0 {
        return Remembered::default();
    }
    let sequences: Vec<u32> = rows.order.iter().step_by(*steps).map(|row| row / *steps as u32).collect();
    Remembered { steps: *steps, before: pick(before, width, &sequences), fresh: pick(fresh, 1, rows.order) }
}

/// Passes on a device.
pub(super) struct Resident<'a> {
    network: &'a Network,
    batch: &'a Minibatch,
    sheet: Sheet,
    learned: Learned<'a>,
    /// Step size of each parameter.
    rates: Tensor,
    theta: Tensor,
    first: Tensor,
    second: Tensor,
    steps: u64,
    /// The last gradient, and its norm.
    gradient: (Tensor, f64),
}

impl<'a> Resident<'a> {
    pub(super) fn new(
        network: &'a Network,
        batch: &'a Minibatch,
        learned: Learned<'a>,
        rates: &Rates,
        device: &Device,
    ) -> Result<Self> {
        let vector = |values: &[f32]| Tensor::from_slice(values, values.len(), device);
        let mut each = Vec::with_capacity(network.parameters);
        for &(end, rate) in rates {
            each.resize(end, rate as f32);
        }
        let theta = vector(learned.theta)?;
        Ok(Self {
            sheet: Sheet::new(network, batch, 0..batch.rows(), device)?,
            rates: vector(&each)?,
            first: vector(&learned.adam.first)?,
            second: vector(&learned.adam.second)?,
            steps: learned.adam.steps,
            gradient: (theta.zeros_like()?, 0.0),
            theta,
            network,
            batch,
            learned,
        })
    }
}

impl Course for Resident<'_> {
    fn gradient(&mut self, order: &[u32], advantages: &[f32], objective: Objective) -> Result<Losses> {
        let sheet = self.sheet.pick(order, advantages)?;
        let variables = Variables::on_device(self.network, &self.theta)?;
        let free = order.iter().filter(|&&row| !self.batch.is_forced(row as usize)).count();
        let loss = Loss::new(self.network, &variables, &sheet, objective, (order.len(), free))?;
        // Detached: otherwise the moments would keep the graph of every minibatch.
        let gradient = variables.flatten(&loss.total.backward()?)?.detach();
        let (losses, norms) = loss.read(&[gradient.sqr()?.sum_all()?.sqrt()?])?;
        self.gradient = (gradient, norms[0]);
        Ok(losses)
    }

    /// [`Adam`]'s step, on whole vectors.
    fn step(&mut self, most: f64) -> Result<f64> {
        self.steps += 1;
        let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (gradient, norm) = &self.gradient;
        let gradient = (gradient * if *norm > most { most / norm } else { 1.0 })?;
        self.first = ((&self.first * BETA1)? + (&gradient * (1.0 - BETA1))?)?;
        self.second = ((&self.second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
        let scale = ((&self.second * (1.0 / (1.0 - BETA2.powi(t))))?.sqrt()? + f64::from(EPSILON))?;
        let step = ((&self.first * &self.rates)? * (1.0 / (1.0 - BETA1.powi(t))))?;
        self.theta = (&self.theta - (step / scale)?)?;
        Ok(*norm)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Learned { theta, adam } = self.learned;
        let (first, second) = (self.first.to_vec1()?, self.second.to_vec1()?);
        *theta = self.theta.to_vec1()?;
        *adam = Adam { first, second, steps: self.steps };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rl::executor::Executor;
    use crate::rl::fused::tests::{CLIPPED, case, distance, kinds};
    use crate::rl::settings;

    #[test]
    fn passes_on_a_device_learn_what_passes_in_memory_do() {
        for (index, heads) in kinds().iter().enumerate() {
            let case = case(heads, 300, index % 2 == 0, index as u64);
            let run = |device: Option<Device>| {
                let (mut theta, mut adam) = (case.theta.clone(), Adam::new(case.theta.len()));
                let kind = if device.is_some() { settings::Executor::Graph } else { settings::Executor::Fused };
                let mut executor = Executor::new(kind, &case.network, Device::Cpu);
                if let Some(device) = device {
                    executor = Executor::Resident(device);
                }
                let critic = case.network.critic.layers[0].weight.start;
                let rates = [(critic, 1e-3), (case.network.parameters, 2e-3)];
                let learned = Learned { theta: &mut theta, adam: &mut adam };
                let mut course = executor.course(&case.network, &case.batch, learned, rates).unwrap();
                let order: Vec<u32> = (0..300).rev().collect();
                let mut seen = Vec::new();
                for order in order.chunks(100) {
                    let advantages: Vec<f32> = order.iter().map(|&row| case.batch.advantages[row as usize]).collect();
                    seen.push(course.gradient(order, &advantages, CLIPPED).unwrap().total);
                    seen.push(course.step(0.5).unwrap());
                }
                course.finish().unwrap();
                (theta, adam, seen)
            };
            let (memory, device) = (run(None), run(Some(Device::Cpu)));
            assert!(distance(&device.0, &memory.0) < 1e-5, "{heads:?}");
            assert!(distance(&device.1.first, &memory.1.first) < 1e-5 && device.1.steps == 3, "{heads:?}");
            for (a, b) in device.2.iter().zip(&memory.2) {
                assert!((a - b).abs() < 1e-5 * b.abs().max(0.1), "{a} {b}: {heads:?}");
            }
        }
    }
}
