//! The contract in a few lines: states in a map, each claim a [`Quota::step`](tower_upstash::quota::Quota::step).

use std::collections::HashMap;

use tower_upstash::{
    quota::State,
    store::{Claim, Decisions, Key},
    time::Timestamp,
};

#[derive(Default)]
pub(super) struct Model(HashMap<String, State>);

impl Model {
    pub(super) fn acquire(&mut self, claims: &[Claim], now: Timestamp) -> Decisions {
        let mut states = self.0.clone();
        let mut decisions = Decisions::new();
        for claim in claims {
            let key = Key::to_text(claim.key());
            let step = claim.quota().step(states.get(&key), now, claim.spending());
            match step.state {
                Some(state) if state.expires_at() > now => drop(states.insert(key, state)),
                Some(_) => drop(states.remove(&key)),
                None => {}
            }
            decisions.push(claim, step.decision);
        }
        if decisions.allowed() {
            self.0 = states;
        }
        decisions
    }
}
