//! One [`Flight`]: what a leader and those who wait for him share.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// A fill that is under way.
pub(super) struct Flight<T>(Mutex<State<T>>);

struct State<T> {
    phase: Phase<T>,
    is_doomed: bool,
    last_ticket: u64,
    // Those who wait, in the order of their coming; no waker before the first poll.
    waiting: BTreeMap<u64, Option<Waker>>,
}

enum Phase<T> {
    Led,
    /// The leader has gone, and the one with this ticket leads once he is polled.
    Chosen(u64),
    Shared(T),
    Released,
    /// Nobody leads any more.
    Over,
}

/// What somebody finds who enters a flight.
pub(super) enum Entered<T> {
    Shared(T),
    /// He waits under this ticket.
    Waits(u64),
}

/// What somebody finds who has waited.
pub(super) enum Answer<T> {
    Shared(T),
    Lead,
    Alone,
    /// The flight was doomed, and ended without an answer: there may be another.
    Again,
}

/// What becomes of a flight whose leader leaves.
pub(super) struct Left {
    pub(super) is_over: bool,
    pub(super) has_landed: bool,
    pub(super) wake: Wake,
}

/// Who is to be woken outside of the locks.
#[must_use]
#[derive(Default)]
pub(super) struct Wake(BTreeMap<u64, Option<Waker>>);

impl<T: Clone> Flight<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            phase: Phase::Led,
            is_doomed: false,
            last_ticket: 0,
            waiting: BTreeMap::new(),
        }))
    }

    pub(super) fn enter(&self) -> Entered<T> {
        let mut state = self.state();
        if let Phase::Shared(shared) = &state.phase {
            return Entered::Shared(shared.clone());
        }
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.waiting.insert(ticket, None);
        Entered::Waits(ticket)
    }

    pub(super) fn share(&self, shared: T) {
        let mut state = self.state();
        let former = mem::replace(&mut state.phase, Phase::Shared(shared));
        let wake = state.take_all();
        drop(state);
        drop(former);
        wake.all();
    }

    pub(super) fn release(&self) -> Wake {
        let mut state = self.state();
        let former = mem::replace(&mut state.phase, Phase::Released);
        let wake = state.take_all();
        drop(state);
        drop(former);
        wake
    }

    pub(super) fn doom(&self) {
        self.state().is_doomed = true;
    }

    #[cfg(test)]
    pub(super) fn is_doomed(&self) -> bool {
        self.state().is_doomed
    }

    /// Ends a leadership, or that of a chosen one who never took it.
    pub(super) fn leave(&self) -> Left {
        let mut state = self.state();
        match state.phase {
            Phase::Led | Phase::Chosen(_) if !state.is_doomed => {}
            Phase::Led | Phase::Chosen(_) => return Left::over(state.give_up()),
            Phase::Shared(_) => {
                return Left {
                    has_landed: true,
                    ..Left::over(Wake::default())
                };
            }
            Phase::Released | Phase::Over => return Left::over(Wake::default()),
        }
        let next = state.waiting.first_entry();
        let Some(mut next) = next else {
            return Left::over(state.give_up());
        };
        let (ticket, waker) = (*next.key(), next.get_mut().take());
        state.phase = Phase::Chosen(ticket);
        Left {
            is_over: false,
            has_landed: false,
            wake: Wake(BTreeMap::from([(ticket, waker)])),
        }
    }

    pub(super) fn poll(&self, ticket: u64, waker: Waker) -> Poll<Answer<T>> {
        let mut state = self.state();
        let mut wake = Wake::default();
        let answer = match &state.phase {
            Phase::Shared(shared) => Answer::Shared(shared.clone()),
            Phase::Released => Answer::Alone,
            Phase::Over => Answer::Again,
            // A purge came before he has begun: what he would bring is no more outdated than anyone's.
            Phase::Chosen(chosen) if *chosen == ticket && state.is_doomed => {
                wake = state.give_up();
                Answer::Again
            }
            Phase::Chosen(chosen) if *chosen == ticket => {
                state.phase = Phase::Led;
                Answer::Lead
            }
            Phase::Led | Phase::Chosen(_) => {
                let stale = state.waiting.insert(ticket, Some(waker));
                drop(state);
                drop(stale);
                return Poll::Pending;
            }
        };
        let stale = state.waiting.remove(&ticket);
        drop(state);
        drop(stale);
        wake.all();
        Poll::Ready(answer)
    }

    /// Waits no longer. Returns whether somebody else has to be chosen.
    pub(super) fn quit(&self, ticket: u64) -> bool {
        let mut state = self.state();
        let stale = state.waiting.remove(&ticket);
        let was_chosen = matches!(state.phase, Phase::Chosen(chosen) if chosen == ticket);
        drop(state);
        drop(stale);
        was_chosen
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take_all(&mut self) -> Wake {
        Wake(mem::take(&mut self.waiting))
    }

    fn give_up(&mut self) -> Wake {
        self.phase = Phase::Over;
        self.take_all()
    }
}

impl Left {
    const fn over(wake: Wake) -> Self {
        Self {
            is_over: true,
            has_landed: false,
            wake,
        }
    }
}

impl Wake {
    pub(super) fn all(self) {
        self.0.into_values().flatten().for_each(Waker::wake);
    }
}
