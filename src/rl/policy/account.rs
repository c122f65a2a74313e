//! The account of a flight: how it decided, decision by decision.

use super::Mind;
use crate::env::Distribution;
use crate::rl::{heads, spread};
use crate::sim::{Decision, Decisions};

/// Sums over a flight's decisions, and of the one under way what is known.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) decisions: Decisions,
    now: Decision,
    /// What learning started with, under the masks of now.
    first: Vec<f32>,
}

impl Account {
    /// Takes note of the outputs that a network chooses from, and of what masks allow; an empty mask allows all.
    pub(super) fn weigh(&mut self, mind: &Mind, outputs: &[f32], allowed: &[bool]) {
        self.now.masked = forbidden(&mind.heads, allowed);
        let Some(first) = &mind.first else { return };
        self.first.clone_from(first);
        heads::forbid(&mut self.first, allowed);
        self.now.entropy = Some(spread::entropy(outputs, &mind.heads));
        self.now.kl = Some(spread::divergence(outputs, &self.first, &mind.heads));
    }

    /// Ends a decision, which was `overridden` or not.
    pub(super) fn close(&mut self, overridden: bool) {
        self.decisions.take(&Decision { overridden, ..std::mem::take(&mut self.now) });
    }
}

/// Share of the choices that are forbidden, over heads that have more than one; `None` without masks or such heads.
fn forbidden(heads: &[Distribution], allowed: &[bool]) -> Option<f64> {
    let (mut from, mut all, mut free) = (0, 0, 0);
    for head in heads {
        let own = allowed.get(from..from + head.outputs())?;
        from += head.outputs();
        if matches!(head, Distribution::Categorical(2..)) {
            all += own.len();
            free += own.iter().filter(|&&allowed| allowed).count();
        }
    }
    (all > 0).then(|| (all - free) as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use Distribution::{Categorical, Gaussian};

    use super::*;

    #[test]
    fn choices_are_counted_where_there_is_more_than_one() {
        let heads = [Categorical(1), Categorical(3), Gaussian, Categorical(2)];
        let allowed = [true, false, true, false, true, true, true, false];
        assert_eq!(forbidden(&heads, &allowed), Some(0.6));
        assert_eq!(forbidden(&heads, &[]), None, "without masks");
        assert_eq!(forbidden(&[Categorical(1), Gaussian], &[true; 3]), None, "one choice is none");
    }
}
