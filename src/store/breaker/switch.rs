//! The circuit that the clones of a breaker share.
//!
//! A closed circuit without a recent failure is one atomic load for a call's beginning and one for its end. Everything
//! else is a step of the [`State`] under a mutex, which is held for a few instructions and never over an await or a hook.

use std::{
    mem::discriminant,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    super::{Error, ErrorKind, Result},
    builder::Hook,
    circuit::{Access, Circuit, Outcome, Permit, Rules, State},
};
use crate::time::{Clock, Timestamp};

pub(super) struct Switch {
    pub(super) rules: Rules,
    pub(super) patience: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_change: Option<Hook>,
    pub(super) shared: Shared,
}

pub(super) struct Shared {
    state: Mutex<State>,
    /// [`State::untroubled`], or `TROUBLED`. Written under the mutex only, and it guards no other memory: relaxed.
    untroubled: AtomicU64,
    opened: AtomicU64,
    rejected: AtomicU64,
}

const TROUBLED: u64 = u64::MAX;

impl Shared {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            untroubled: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }
}

impl Switch {
    pub(super) fn circuit(&self) -> Circuit {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).circuit()
    }

    pub(super) fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }

    pub(super) fn rejected(&self) -> u64 {
        self.shared.rejected.load(Ordering::Relaxed)
    }

    /// Lets a call through, or says why not.
    pub(super) fn enter(&self) -> Result<Pass<'_>> {
        let generation = self.shared.untroubled.load(Ordering::Relaxed);
        if generation != TROUBLED {
            return Ok(self.pass(Permit::of(generation)));
        }
        let now = self.clock.now();
        let (permit, change) = self.step(|state| state.admit(now, &self.rules));
        // Before the hook, which may panic: a pass gives its probe back.
        let pass = permit.map(|permit| self.pass(permit));
        self.report(change);
        pass.ok_or_else(|| {
            self.shared.rejected.fetch_add(1, Ordering::Relaxed);
            Error::new(
                ErrorKind::Unavailable,
                "circuit breaker is open, nothing was sent",
            )
        })
    }

    const fn pass(&self, permit: Permit) -> Pass<'_> {
        Pass {
            switch: self,
            permit,
            waiting: None,
            outcome: None,
        }
    }

    fn end(&self, permit: Permit, outcome: Outcome) {
        let nothing_to_note = match outcome {
            Outcome::Answered => {
                self.shared.untroubled.load(Ordering::Relaxed) == permit.generation()
            }
            Outcome::Failed(_) => false,
            Outcome::Unknown => !permit.is_probe(),
        };
        if !nothing_to_note {
            let now = self.clock.now();
            let ((), change) = self.step(|state| state.end(permit, outcome, now, &self.rules));
            self.report(change);
        }
    }

    /// Takes a step, and returns what the circuit has changed to by it.
    fn step<T>(&self, step: impl FnOnce(&mut State) -> T) -> (T, Option<Circuit>) {
        let state = self.shared.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let before = state.circuit();
        let answer = step(&mut state);
        let after = state.circuit();
        let untroubled = state.untroubled().unwrap_or(TROUBLED);
        self.shared.untroubled.store(untroubled, Ordering::Relaxed);
        let changed = discriminant(&before) != discriminant(&after);
        (answer, changed.then_some(after))
    }

    fn report(&self, change: Option<Circuit>) {
        let Some(circuit) = change else { return };
        if matches!(circuit, Circuit::Open { .. }) {
            self.shared.opened.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(hook) = &self.on_change {
            hook(circuit);
        }
    }
}

/// A call that was let through. Its end is when this is dropped.
pub(super) struct Pass<'a> {
    switch: &'a Switch,
    permit: Permit,
    /// Since when.
    waiting: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl Pass<'_> {
    /// Takes note that the store did not answer at once.
    pub(super) fn waits(&mut self) {
        self.waiting.get_or_insert_with(|| self.switch.clock.now());
    }

    /// Takes note of the answer.
    pub(super) fn ends<T>(mut self, result: &Result<T>, access: Access) {
        self.outcome = Some(Outcome::of(result, access));
    }

    /// Returns what it says that nobody waits any more.
    fn abandoned(&self) -> Outcome {
        let patience = self.switch.patience;
        let too_long = |since: Timestamp| self.switch.clock.now() >= since.after(patience);
        if self.waiting.is_some_and(too_long) {
            Outcome::Failed(ErrorKind::Timeout)
        } else {
            Outcome::Unknown
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or_else(|| self.abandoned());
        self.switch.end(self.permit, outcome);
    }
}
