//! An HPA that explains itself: every sync at which something changes is kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::HpaAutoscaler;
use crate::hpa::explain::Explanation;
use crate::sim::{Autoscaler, Knobs, Patch, View};
use crate::units::{Replicas, SimTime};

/// What a [`Witness`] kept. It outlives the run, which consumes the autoscaler.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Mutex<Vec<Explanation>>>);

impl Account {
    /// All explanations so far, in order of time.
    #[must_use]
    pub fn take(&self) -> Vec<Explanation> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, explanation: Explanation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(explanation);
    }
}

/// An [`HpaAutoscaler`] whose decisions are kept.
#[derive(Debug)]
pub struct Witness {
    hpa: HpaAutoscaler,
    account: Account,
    last: Option<Explanation>,
    every: bool,
}

impl Witness {
    /// Keeps the syncs at which something changes, or `every` one.
    #[must_use]
    pub fn new(hpa: HpaAutoscaler, every: bool) -> (Self, Account) {
        let account = Account::default();
        (Self { hpa, account: account.clone(), last: None, every }, account)
    }
}

impl Autoscaler for Witness {
    fn period(&self) -> Duration {
        self.hpa.period()
    }

    fn sync(&mut self, now: SimTime, view: &View<'_>) -> Option<Replicas> {
        let replicas = self.hpa.sync(now, view);
        let explanation = Explanation::of(self.hpa.decision(), self.hpa.spec());
        if self.every || explanation.differs(self.last.as_ref()) {
            self.account.push(explanation.clone());
        }
        self.last = Some(explanation);
        replicas
    }

    fn patch(&mut self, patch: &Patch) {
        self.hpa.patch(patch);
    }

    fn knobs(&self) -> Option<Knobs> {
        self.hpa.knobs()
    }
}
