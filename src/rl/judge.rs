//! The critic at work on trajectories: values, and what each step is credited with.

use super::algorithms::{Lane, Method};
use super::experience::Experience;
use super::gradient::{Minibatch, Remembered};
use super::heads;
use super::moments::{Normalizer, RewardScale};
use super::network::{Buffers, Network};
use super::rollout::{Trajectory, beside};
use super::settings::{Critic, Settings};
use super::trainer::State;

/// Privileged values, as far as the critic sees them.
pub(super) fn seen<'a>(settings: &Settings, privileged: &'a [f32]) -> &'a [f32] {
    if settings.critic == Critic::Privileged { privileged } else { &[] }
}

/// The critic, with the normalisation of what it sees.
pub(super) struct Judge<'a> {
    pub(super) settings: &'a Settings,
    pub(super) method: &'a dyn Method,
    pub(super) network: &'a Network,
    pub(super) state: &'a State,
    pub(super) observation: &'a Normalizer,
    pub(super) privileged: &'a Normalizer,
}

impl Judge<'_> {
    /// What the critic is shown beside normalised observations: `[rows, observation + privileged + memory]`.
    fn view(&self, observations: &[f32], privileged: &[f32], memories: &[f32]) -> Vec<f32> {
        if self.method.values() == 0 {
            return Vec::new();
        }
        let mut privileged = seen(self.settings, privileged).to_vec();
        self.privileged.apply(&mut privileged);
        let rows = observations.len() / self.network.observation();
        let (mut some, mut all) = (Vec::new(), Vec::new());
        beside(observations, &privileged, rows, &mut some);
        if memories.is_empty() {
            return some;
        }
        beside(&some, memories, rows, &mut all);
        all
    }

    /// What the actor remembers after a step and the observation that follows it, which is normalised.
    fn remembered<Info>(&self, trajectory: &Trajectory<Info>, step: usize, observation: &[f32]) -> Vec<f32> {
        let Some(memory) = &self.network.memory else { return Vec::new() };
        let width = memory.width();
        let mut after = trajectory.memories[step * width..(step + 1) * width].to_vec();
        memory.step(&self.state.theta, observation, &mut after, &mut Default::default());
        after
    }

    /// The trajectory as sequences.
    fn sequences<Info>(&self, trajectory: &Trajectory<Info>) -> Remembered {
        let width = self.network.width();
        if width == 0 {
            return Remembered::default();
        }
        let steps = self.settings.sequence(trajectory.rewards.len());
        let mut before = vec![0.0; width];
        for start in (steps..trajectory.rewards.len()).step_by(steps) {
            before.extend_from_slice(&trajectory.memories[(start - 1) * width..start * width]);
        }
        Remembered { steps, before, fresh: trajectory.fresh.clone() }
    }

    /// The critic's values, one list each.
    fn values(&self, criticized: &[f32]) -> Vec<Vec<f32>> {
        let count = self.method.values();
        let mut buffers = Buffers::default();
        let all =
            if count == 0 { &[][..] } else { self.network.critic.forward(&self.state.theta, criticized, &mut buffers) };
        (0..count).map(|value| all.iter().skip(value).step_by(count).copied().collect()).collect()
    }

    /// What the critic expects after each step.
    fn next_values<Info>(&self, trajectory: &Trajectory<Info>, values: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let shifted = |values: &Vec<f32>| values.iter().skip(1).copied().chain([0.0]).collect::<Vec<f32>>();
        let mut next: Vec<Vec<f32>> = values.iter().map(shifted).collect();
        if next.is_empty() {
            return next;
        }
        for (step, observation, privileged) in &trajectory.finals {
            let mut observation = observation.clone();
            self.observation.apply(&mut observation);
            let memory = self.remembered(trajectory, *step, &observation);
            let last = self.values(&self.view(&observation, privileged, &memory));
            next.iter_mut().zip(last).for_each(|(next, last)| next[*step] = last[0]);
        }
        next
    }

    /// A trajectory's rows, with what its steps are credited.
    pub(super) fn experience<Info>(&self, trajectory: &Trajectory<Info>) -> Experience {
        let mut observations = trajectory.observations.clone();
        self.observation.apply(&mut observations);
        let criticized = self.view(&observations, &trajectory.privileged, &trajectory.memories);
        let mut values = self.values(&criticized);
        let (settings, counts) = (self.settings, &self.state.counts);
        let scaled = |of: &[f64], scale: &RewardScale| -> Vec<f32> {
            of.iter().map(|&value| scale.apply(value, settings.reward_clip)).collect()
        };
        let mut lane = Lane {
            rewards: scaled(&trajectory.rewards, &counts.rewards),
            costs: scaled(&trajectory.costs, &counts.costs),
            terminated: &trajectory.terminated,
            truncated: &trajectory.truncated,
            next_values: self.next_values(trajectory, &values),
            values: std::mem::take(&mut values),
        };
        let credit = self.method.credit(&lane);
        let batch = Minibatch {
            reference_log_probabilities: self.reference(&observations, trajectory),
            observations,
            criticized,
            memory: self.sequences(trajectory),
            actions: trajectory.actions.clone(),
            forced: self.forced(&trajectory.masks),
            masks: trajectory.masks.clone(),
            log_probabilities: trajectory.log_probabilities.clone(),
            advantages: credit.advantages,
            returns: credit.returns,
        };
        Experience { batch, values: lane.values.drain(..).next().unwrap_or_default() }
    }

    /// Whether each row of `masks`, `[rows, outputs]`, leaves one action.
    fn forced(&self, masks: &[bool]) -> Vec<bool> {
        let heads = &self.network.heads;
        masks.chunks_exact(self.network.actor.outputs()).map(|mask| heads::forced(heads, mask)).collect()
    }

    /// Log-probabilities of actions under the reference policy, of normalised observations; none without one.
    fn reference<Info>(&self, observations: &[f32], trajectory: &Trajectory<Info>) -> Vec<f32> {
        if self.state.reference.is_empty() {
            return Vec::new();
        }
        let (actor, heads) = (&self.network.actor, &self.network.heads);
        let mut inputs = Vec::new();
        beside(observations, &self.recalled(observations, trajectory), trajectory.rewards.len(), &mut inputs);
        let mut outputs = actor.forward(&self.state.reference, &inputs, &mut Buffers::default()).to_vec();
        heads::forbid(&mut outputs, &trajectory.masks);
        let rows = outputs.chunks_exact(actor.outputs()).zip(trajectory.actions.chunks_exact(heads.len()));
        rows.map(|(outputs, action)| heads::log_probability(outputs, heads, action)).collect()
    }

    /// What the reference policy remembers at each step.
    fn recalled<Info>(&self, observations: &[f32], trajectory: &Trajectory<Info>) -> Vec<f32> {
        let Some(memory) = &self.network.memory else { return Vec::new() };
        let (mut all, mut now, mut gates) = (Vec::new(), vec![0.0; memory.width()], Default::default());
        for (observation, &fresh) in observations.chunks_exact(memory.input.inputs).zip(&trajectory.fresh) {
            if fresh {
                now.fill(0.0);
            }
            memory.step(&self.state.reference, observation, &mut now, &mut gates);
            all.extend_from_slice(&now);
        }
        all
    }
}
