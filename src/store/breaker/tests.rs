//! The circuit against a model that follows the words of its documentation.

use std::time::Duration;

use proptest::{prelude::*, sample::Index};

use super::circuit::{Circuit, Outcome, Permit, Rules, State};
use crate::{store::ErrorKind, time::Timestamp};

const RULES: Rules = Rules {
    failures: 3,
    cool_down: Duration::from_micros(10),
    longest: Duration::from_micros(50),
};

#[derive(Clone, Debug)]
enum Step {
    Begin,
    End(Index, Outcome),
    Move(u64),
}

/// What the documentation says: half-open is open with probes.
#[derive(Default)]
struct Model {
    /// How often the circuit has opened or closed.
    period: usize,
    failures: u32,
    /// The step at which the last failure was counted.
    counted: Option<usize>,
    open: Option<Open>,
}

struct Open {
    until: u64,
    pause: u64,
    probes: Vec<usize>,
    /// Whether the last probe has an end that says nothing.
    free: bool,
}

impl Model {
    fn begin(&mut self, call: usize, now: u64) -> bool {
        let Some(open) = &mut self.open else {
            return true;
        };
        if !open.free && now < open.until {
            return false;
        }
        if !open.free && !open.probes.is_empty() {
            open.pause = (open.pause * 2).min(50);
        }
        open.probes.push(call);
        open.free = false;
        open.until = now + open.pause;
        true
    }

    fn end(&mut self, (call, period): (usize, usize), outcome: Outcome, step: usize, now: u64) {
        if period != self.period {
            return;
        }
        match (&mut self.open, outcome) {
            (None, Outcome::Answered) => self.failures = 0,
            (None, Outcome::Failed(_)) if self.counted.is_none_or(|at| at < call) => {
                self.counted = Some(step);
                self.failures += 1;
                if self.failures == 3 {
                    self.opens(10, now);
                }
            }
            (Some(_), Outcome::Answered) => {
                self.open = None;
                self.failures = 0;
                self.period += 1;
            }
            (Some(open), Outcome::Failed(_)) if open.probes.last() == Some(&call) && !open.free => {
                let pause = (open.pause * 2).min(50);
                self.opens(pause, now);
            }
            (Some(open), Outcome::Unknown) if open.probes.last() == Some(&call) => open.free = true,
            (_, Outcome::Failed(_) | Outcome::Unknown) => {}
        }
    }

    fn opens(&mut self, pause: u64, now: u64) {
        self.period += 1;
        self.open = Some(Open {
            until: now + pause,
            pause,
            probes: Vec::new(),
            free: false,
        });
    }

    fn agrees(&self, circuit: Circuit) -> bool {
        match (&self.open, circuit) {
            (None, Circuit::Closed) => true,
            (Some(open), Circuit::Open { until, .. }) => {
                open.probes.is_empty() && until.as_micros() == open.until
            }
            (Some(open), Circuit::HalfOpen) => !open.probes.is_empty(),
            _ => false,
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        2 => Just(Outcome::Answered),
        5 => Just(Outcome::Failed(ErrorKind::Timeout)),
        2 => Just(Outcome::Unknown),
    ]
}

fn step(times: impl Strategy<Value = u64> + 'static) -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        5 => (any::<Index>(), outcome()).prop_map(|(call, outcome)| Step::End(call, outcome)),
        2 => times.prop_map(Step::Move),
    ]
}

/// Ends some call that is under way.
fn take<T>(calls: &mut Vec<T>, which: Index) -> Option<T> {
    (!calls.is_empty()).then(|| calls.swap_remove(which.index(calls.len())))
}

proptest! {
    #[test]
    fn circuit_does_what_the_model_does(steps in prop::collection::vec(step(0..40_u64), 1..200)) {
        let (mut state, mut model) = (State::new(), Model::default());
        let mut calls: Vec<(Permit, (usize, usize))> = Vec::new();
        let mut micros = 1_000;
        for (number, step) in steps.into_iter().enumerate() {
            let now = Timestamp::from_micros(micros);
            match step {
                Step::Move(by) => micros += by,
                Step::Begin => {
                    let permit = state.admit(now, &RULES);
                    prop_assert_eq!(permit.is_some(), model.begin(number, micros));
                    calls.extend(permit.map(|permit| (permit, (number, model.period))));
                }
                Step::End(which, outcome) => {
                    let Some((permit, call)) = take(&mut calls, which) else { continue };
                    state.end(permit, outcome, now, &RULES);
                    model.end(call, outcome, number, micros);
                }
            }
            prop_assert!(model.agrees(state.circuit()), "{:?}", state);
            let untroubled = model.open.is_none() && model.failures == 0;
            prop_assert_eq!(state.untroubled().is_some(), untroubled);
        }
    }

    #[test]
    fn circuit_is_never_shut_for_ever_whatever_the_clock_does(
        steps in prop::collection::vec(step(0..=Timestamp::MAX.as_micros()), 1..200),
    ) {
        let mut state = State::new();
        let mut calls = Vec::new();
        let mut now = Timestamp::from_micros(0);
        for step in steps {
            match step {
                Step::Move(to) => now = Timestamp::from_micros(to),
                Step::Begin => calls.extend(state.admit(now, &RULES)),
                Step::End(which, outcome) => {
                    let Some(permit) = take(&mut calls, which) else { continue };
                    state.end(permit, outcome, now, &RULES);
                }
            }
            let mut later = state;
            let admitted = later.admit(now, &RULES);
            prop_assert!(admitted.is_some() || later.admit(now.after(RULES.longest), &RULES).is_some());
        }
    }
}

#[test]
fn first_cool_down_counts_where_the_longest_is_shorter() {
    let rules = Rules {
        longest: Duration::ZERO,
        ..RULES
    };
    let mut state = State::new();
    for _ in 0..3 {
        let permit = state
            .admit(Timestamp::from_micros(0), &rules)
            .expect("closed");
        let failed = Outcome::Failed(ErrorKind::Unavailable);
        state.end(permit, failed, Timestamp::from_micros(0), &rules);
    }
    assert!(state.admit(Timestamp::from_micros(9), &rules).is_none());
    assert!(state.admit(Timestamp::from_micros(10), &rules).is_some());
}
