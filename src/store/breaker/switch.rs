//! The circuit that the clones of a breaker share.
//!
//! A closed circuit without a recent failure costs one atomic load when a call begins and one when it ends, and a look at
//! the clock each time the call has to wait. Everything else is a step of the [`State`] under a mutex, which is held for a few
//! instructions and never over an await or a hook.

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
    circuit::{Access, Circuit, Outcome, Permit, Rules, State},
};
use crate::time::{Clock, Timestamp};

pub(super) struct Switch {
    settings: Settings,
    state: Mutex<State>,
    /// [`State::untroubled`], or `TROUBLED`. Written under the mutex only, and it guards no other memory: relaxed.
    untroubled: AtomicU64,
    opened: AtomicU64,
    rejected: AtomicU64,
}

pub(super) struct Settings {
    pub(super) rules: Rules,
    pub(super) patience: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_change: Option<Hook>,
}

pub(super) type Hook = Arc<dyn Fn(Circuit) + Send + Sync>;

const TROUBLED: u64 = u64::MAX;

impl Switch {
    pub(super) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::new(State::new()),
            untroubled: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    pub(super) fn circuit(&self) -> Circuit {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).circuit()
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Lets a call through, or says why not.
    pub(super) fn enter(&self) -> Result<Pass<'_>> {
        let moment = self.untroubled.load(Ordering::Relaxed);
        if moment != TROUBLED {
            return Ok(self.pass(Permit::of(moment)));
        }
        let now = self.settings.clock.now();
        let (permit, change) = self.step(|state| state.admit(now, &self.settings.rules));
        // Before the hook, which may panic: a pass gives its probe back.
        let pass = permit.map(|permit| self.pass(permit));
        self.report(change);
        pass.ok_or_else(|| {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            Error::new(ErrorKind::Unavailable, self.refusal())
        })
    }

    /// Says why nothing was sent.
    fn refusal(&self) -> &'static str {
        match self.circuit() {
            Circuit::Open { cause, .. } => match cause {
                ErrorKind::Unauthorized => {
                    "circuit breaker is open, since the store refused the credentials"
                }
                ErrorKind::Timeout => {
                    "circuit breaker is open, since the store did not answer in time"
                }
                ErrorKind::QuotaExceeded => {
                    "circuit breaker is open, since a quota of the store is used up"
                }
                _ => "circuit breaker is open, since the store was unavailable",
            },
            _ => "circuit breaker waits for its probe",
        }
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
            Outcome::Answered => self.untroubled.load(Ordering::Relaxed) == permit.moment(),
            Outcome::Failed(_) => false,
            Outcome::Unknown => !permit.is_probe(),
        };
        if !nothing_to_note {
            let now = self.settings.clock.now();
            let ((), change) =
                self.step(|state| state.end(permit, outcome, now, &self.settings.rules));
            self.report(change);
        }
    }

    /// Takes a step, and returns what the circuit has changed to by it.
    fn step<T>(&self, step: impl FnOnce(&mut State) -> T) -> (T, Option<Circuit>) {
        let state = self.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let before = state.circuit();
        let answer = step(&mut state);
        let after = state.circuit();
        let untroubled = state.untroubled().unwrap_or(TROUBLED);
        self.untroubled.store(untroubled, Ordering::Relaxed);
        let changed = discriminant(&before) != discriminant(&after);
        (answer, changed.then_some(after))
    }

    fn report(&self, change: Option<Circuit>) {
        let Some(circuit) = change else { return };
        if matches!(circuit, Circuit::Open { .. }) {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(hook) = &self.settings.on_change {
            hook(circuit);
        }
    }
}

/// A call that was let through. Its end is when this is dropped.
pub(super) struct Pass<'a> {
    switch: &'a Switch,
    permit: Permit,
    /// When it was first seen to wait, and when last.
    waiting: Option<(Timestamp, Timestamp)>,
    outcome: Option<Outcome>,
}

impl Pass<'_> {
    /// Takes note that the store has not answered yet.
    pub(super) fn waits(&mut self) {
        let now = self.switch.settings.clock.now();
        self.waiting.get_or_insert((now, now)).1 = now;
    }

    /// Takes note of the answer.
    pub(super) fn ends<T>(mut self, result: &Result<T>, access: Access) {
        self.outcome = Some(Outcome::of(result, access));
    }

    /// Returns what it says that nobody waits any more. When nobody has looked for a while, the answer may be there.
    fn abandoned(&self) -> Outcome {
        let patience = self.switch.settings.patience;
        let too_long = |(first, last): (Timestamp, Timestamp)| last >= first.after(patience);
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
