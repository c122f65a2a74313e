//! How steps are credited: generalised advantages, n-step advantages, discounted returns.

/// One environment's steps, in order of time; all slices have the same length `T`.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a> {
    /// Rewards.
    pub rewards: &'a [f32],
    /// Nothing can be earned after this step.
    pub terminated: &'a [bool],
    /// The episode was cut after this step.
    pub truncated: &'a [bool],
    /// `V(s_t)`.
    pub values: &'a [f32],
    /// `V` of the state that step `t` led to, before any reset.
    pub next_values: &'a [f32],
}

/// Advantages of one environment's steps.
///
/// ```text
/// δ_t = r_t + γ (1 − terminated_t) V(s'_t) − V(s_t)
/// A_t = δ_t + γ λ (1 − terminated_t)(1 − truncated_t) A_{t+1},   A_T = 0
/// ```
/// A step cut by the time limit is not done: it bootstraps from the state it led to (Pardo et al., arXiv:1712.00378).
/// Source: Schulman et al., arXiv:1506.02438, eq. 16.
pub fn advantages(steps: Steps<'_>, discount: f64, lambda: f64, out: &mut [f32]) {
    let mut next = 0.0;
    for t in (0..steps.rewards.len()).rev() {
        let alive = if steps.terminated[t] { 0.0 } else { 1.0 };
        let goes_on = if steps.truncated[t] { 0.0 } else { alive };
        let bootstrap = discount * alive * f64::from(steps.next_values[t]);
        let delta = f64::from(steps.rewards[t]) + bootstrap - f64::from(steps.values[t]);
        next = delta + discount * lambda * goes_on * next;
        out[t] = next as f32;
    }
}

/// Advantages of one environment's steps by `n` rewards and the value of the state after them.
///
/// ```text
/// A_t = Σ_{k<m} γ^k r_{t+k} + γ^m (1 − terminated_{t+m−1}) V(s'_{t+m−1}) − V(s_t)
/// ```
/// `m` is `n`, or less where the episode or the rollout ends earlier. n = 1 is GAE with λ = 0, n = T with λ = 1.
/// Source: Mnih et al., arXiv:1602.01783, algorithm S3.
#[must_use]
pub fn n_step(steps: Steps<'_>, discount: f64, n: usize) -> Vec<f32> {
    let last = steps.rewards.len().saturating_sub(1);
    let advantage = |from: usize| {
        let (mut sum, mut weight) = (-f64::from(steps.values[from]), 1.0);
        for t in from.. {
            sum += weight * f64::from(steps.rewards[t]);
            weight *= discount;
            if steps.terminated[t] {
                break;
            }
            if steps.truncated[t] || t == last || t + 1 - from >= n {
                sum += weight * f64::from(steps.next_values[t]);
                break;
            }
        }
        sum as f32
    };
    (0..steps.rewards.len()).map(advantage).collect()
}

/// Discounted returns from each step on, `G_t = r_t + γ G_{t+1}`, up to where the episode ends or is cut.
#[must_use]
pub fn returns_to_go(rewards: &[f32], terminated: &[bool], truncated: &[bool], discount: f64) -> Vec<f32> {
    let mut out = vec![0.0; rewards.len()];
    let mut next = 0.0;
    for t in (0..rewards.len()).rev() {
        let goes_on = if terminated[t] || truncated[t] { 0.0 } else { 1.0 };
        next = f64::from(rewards[t]) + discount * goes_on * next;
        out[t] = next as f32;
    }
    out
}

/// Subtracts from each advantage the mean of the others of its group at the same instant. `[environments, steps]`.
///
/// Environments of a group meet the same traffic, so the others' mean is a baseline that knows it, and it depends on
/// others' actions alone: no bias (Mao et al., ICLR 2019).
pub fn subtract_others(advantages: &mut [f32], steps: usize, group: usize) {
    if group < 2 {
        return;
    }
    for members in advantages.chunks_exact_mut(steps * group) {
        for t in 0..steps {
            let sum: f32 = (0..group).map(|member| members[member * steps + t]).sum();
            for member in 0..group {
                let own = members[member * steps + t];
                members[member * steps + t] = own - (sum - own) / (group - 1) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: [bool; 3] = [false; 3];

    fn steps<'a>(terminated: &'a [bool; 3], truncated: &'a [bool; 3]) -> Steps<'a> {
        Steps {
            rewards: &[1.0, 2.0, 3.0],
            terminated,
            truncated,
            values: &[0.5, 1.0, 1.5],
            next_values: &[1.0, 1.5, 4.0],
        }
    }

    fn run(terminated: [bool; 3], truncated: [bool; 3], lambda: f64) -> [f32; 3] {
        let mut out = [0.0; 3];
        advantages(steps(&terminated, &truncated), 0.9, lambda, &mut out);
        out
    }

    fn close(found: [f32; 3], wanted: [f64; 3]) {
        for (a, b) in found.iter().zip(wanted) {
            assert!((f64::from(*a) - b).abs() < 1e-5, "{found:?} is not {wanted:?}");
        }
    }

    #[test]
    fn lambda_zero_is_the_one_step_error() {
        close(run(NO, NO, 0.0), [1.0 + 0.9 - 0.5, 2.0 + 0.9 * 1.5 - 1.0, 3.0 + 0.9 * 4.0 - 1.5]);
    }

    #[test]
    fn lambda_one_is_the_discounted_return_less_the_value() {
        let last = 3.0 + 0.9 * 4.0;
        let middle = 2.0 + 0.9 * last;
        close(run(NO, NO, 1.0), [1.0 + 0.9 * middle - 0.5, middle - 1.0, last - 1.5]);
    }

    #[test]
    fn lambda_between_weighs_the_errors_geometrically() {
        let [d0, d1, d2] = [1.4, 2.35, 5.1];
        close(run(NO, NO, 0.95), [d0 + 0.855 * (d1 + 0.855 * d2), d1 + 0.855 * d2, d2]);
    }

    #[test]
    fn a_truncated_step_bootstraps_and_a_terminated_one_does_not() {
        let cut = [false, true, false];
        close(run(NO, cut, 1.0), [1.0 + 0.9 * (2.0 + 0.9 * 1.5) - 0.5, 2.0 + 0.9 * 1.5 - 1.0, 5.1]);
        close(run(cut, NO, 1.0), [1.0 + 0.9 * 2.0 - 0.5, 2.0 - 1.0, 5.1]);
    }

    #[test]
    fn n_steps_lie_between_one_and_all() {
        let cut = [false, true, false];
        let n_step = |terminated: [bool; 3], truncated: [bool; 3], n| -> [f32; 3] {
            n_step(steps(&terminated, &truncated), 0.9, n).try_into().unwrap()
        };
        close(n_step(NO, NO, 1), run(NO, NO, 0.0).map(f64::from));
        for (terminated, truncated) in [(NO, NO), (cut, NO), (NO, cut)] {
            close(n_step(terminated, truncated, 3), run(terminated, truncated, 1.0).map(f64::from));
        }
        let two = [1.0 + 0.9 * 2.0 + 0.81 * 1.5 - 0.5, 2.0 + 0.9 * 3.0 + 0.81 * 4.0 - 1.0, 5.1];
        close(n_step(NO, NO, 2), two);
    }

    #[test]
    fn returns_stop_where_an_episode_does() {
        let whole = returns_to_go(&[1.0, 2.0, 3.0], &NO, &NO, 0.5);
        close(whole.try_into().unwrap(), [2.75, 3.5, 3.0]);
        let cut = returns_to_go(&[1.0, 2.0, 3.0], &[true, false, false], &[false, true, false], 0.5);
        close(cut.try_into().unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_group_is_compared_at_each_instant() {
        let mut advantages = [1.0, 2.0, 3.0, 6.0, 5.0, 5.0, 5.0, 5.0];
        subtract_others(&mut advantages, 2, 2);
        let expected = [-2.0, -4.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0_f32];
        assert!(advantages.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-6), "{advantages:?}");
    }
}
