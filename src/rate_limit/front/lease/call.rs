//! One trip: what it asks, and what becomes of the answer.

use std::mem;

use smallvec::SmallVec;

use super::{
    debit::{Debit, Held, Led},
    entry::{Entry, Outcome},
    leases::Leases,
    table::{Table, Woken},
};
use crate::{
    rate_limit::answer::is_outage,
    store::{
        Claim, Decision, Decisions, Error, Key, MAX_CLAIMS, Result, SharedStore, Spend, Store,
    },
    time::{Timestamp, micros},
};

/// A call on its way. Dropped, it puts back what was at hand, and lets others take over.
pub(super) struct Call<'a> {
    leases: &'a Leases,
    claims: &'a [Claim],
    parts: Parts,
    // With the place of the claim they go before.
    refunds: SmallVec<[(usize, Debit); 1]>,
    begun: Timestamp,
}

pub(super) type Parts = SmallVec<[Part; 3]>;

/// How a claim is served.
pub(super) enum Part {
    /// From what was at hand.
    Taken(Debit, Decision),
    /// By the store, as it is.
    Asked,
    /// By the store, with more for others.
    Led(Led),
}

impl<'a> Call<'a> {
    pub(super) fn new(
        leases: &'a Leases,
        claims: &'a [Claim],
        parts: Parts,
        begun: Timestamp,
    ) -> Self {
        Self {
            leases,
            claims,
            parts,
            refunds: SmallVec::new(),
            begun,
        }
    }

    /// Adds what can be given back on the way, as far as there is room: a key is written once, and costs no more.
    pub(super) fn add_refunds(&mut self, table: &mut Table) {
        let taken = |part: &&Part| matches!(part, Part::Taken(..));
        let asked = self.parts.len() - self.parts.iter().filter(taken).count();
        let mut room = MAX_CLAIMS.saturating_sub(asked);
        for (at, (part, claim)) in self.parts.iter().zip(self.claims).enumerate() {
            if let (Part::Led(_), Some(entry)) = (part, table.find(claim.key())) {
                let paid = entry.pay(claim.quota(), room, u64::MAX, self.begun);
                room -= paid.len();
                self.refunds
                    .extend(paid.into_iter().map(|debit| (at, debit)));
            }
        }
    }

    pub(super) async fn run(mut self, store: &SharedStore) -> Result<Decisions> {
        loop {
            let asked = self.asked();
            if asked.is_empty() {
                return Ok(self.settle(&Decisions::new()));
            }
            match store.acquire(&asked).await {
                Ok(answer) if !answer.allowed() && self.asks_less(&answer) => {}
                Ok(answer) => return Ok(self.settle(&answer)),
                Err(error) => {
                    self.fail(&error);
                    return Err(error);
                }
            }
        }
    }

    fn asked(&self) -> SmallVec<[Claim; 3]> {
        let mut asked = SmallVec::new();
        for (at, (part, claim)) in self.parts.iter().zip(self.claims).enumerate() {
            let refunds = self.refunds.iter().filter(|(before, _)| *before == at);
            asked.extend(refunds.map(|(_, debit)| claim.clone().spend(debit.refund())));
            match part {
                Part::Taken(..) => {}
                Part::Asked => asked.push(claim.clone()),
                Part::Led(led) => asked.push(claim.clone().spend(Spend::Take(led.units))),
            }
        }
        asked
    }

    /// Pairs each claim with its decision.
    fn decided(&self, answer: &Decisions) -> SmallVec<[Option<Decision>; 4]> {
        let mut answers = answer.iter().copied();
        let each = self.parts.iter().enumerate().map(|(at, part)| match part {
            Part::Taken(_, decision) => Some(*decision),
            Part::Asked | Part::Led(_) => {
                let refunds = self.refunds.iter().filter(|(before, _)| *before == at);
                answers.nth(refunds.count())
            }
        });
        each.collect()
    }

    /// After a refusal that a smaller lease may not have met, asks only for what the claims themselves cost.
    fn asks_less(&mut self, answer: &Decisions) -> bool {
        let decided = self.decided(answer);
        let each = self.claims.iter().zip(&decided);
        let refused = |key: &Key| {
            each.clone().any(|(claim, decision)| {
                claim.key() == key && decision.is_some_and(|decision| !decision.allowed())
            })
        };
        let mut asks_less = false;
        for (part, claim) in self.parts.iter_mut().zip(self.claims) {
            if let Part::Led(led) = part
                && led.units > led.cost
                && refused(claim.key())
            {
                led.units = led.cost;
                asks_less = true;
            }
        }
        asks_less
    }

    /// Keeps what an answer brought, and returns what it says of the claims.
    fn settle(&mut self, answer: &Decisions) -> Decisions {
        let decided = self.decided(answer);
        let decisions = self.report(&decided);
        if answer.allowed() {
            self.fill(&decided);
        } else {
            self.give_up(&decided);
        }
        decisions
    }

    /// Returns the decisions on what the claims themselves cost.
    fn report(&self, decided: &[Option<Decision>]) -> Decisions {
        let mut decisions = Decisions::new();
        for ((part, claim), decision) in self.parts.iter().zip(self.claims).zip(decided) {
            let Some(decision) = decision else { continue };
            let surplus = match part {
                Part::Led(led) => led.units.saturating_sub(led.cost),
                Part::Taken(..) | Part::Asked => 0,
            };
            let own = Decision::new(
                decision.verdict(),
                decision.limit(),
                decision.remaining().saturating_add(surplus),
                micros(decision.reset_after()),
                decision.window(),
            );
            decisions.push(claim, own);
        }
        decisions
    }

    fn fill(&mut self, decided: &[Option<Decision>]) {
        let begun = self.begun;
        self.end(|at, entry, led, claim| {
            let decision = decided.get(at).copied().flatten();
            if let Some(decision) = decision {
                entry.fill(Held::new(led, claim.quota(), begun, decision));
            }
            Outcome::Done
        });
    }

    /// After a refusal: nothing was written.
    fn give_up(&mut self, decided: &[Option<Decision>]) {
        self.put_back();
        let refunds = mem::take(&mut self.refunds);
        self.end(|at, entry, _, _| {
            let owed = refunds.iter().filter(|(before, _)| *before == at);
            owed.for_each(|(_, debit)| entry.owe(*debit));
            match decided.get(at).copied().flatten() {
                Some(decision) => {
                    entry.found(decision.remaining());
                    // Refused for another claim, others may be allowed.
                    if decision.allowed() {
                        Outcome::Done
                    } else {
                        Outcome::Alone
                    }
                }
                None => Outcome::Alone,
            }
        });
    }

    fn fail(&mut self, error: &Error) {
        // What the store cannot take may be another claim of this call, which a client may have chosen.
        let outcome = if is_outage(error) {
            Outcome::Away(error.kind())
        } else {
            Outcome::Alone
        };
        self.put_back();
        self.end(|_, entry, _, _| {
            entry.start_over();
            outcome
        });
    }

    /// Ends the trips of this call.
    fn end(&mut self, mut each: impl FnMut(usize, &mut Entry, &Led, &Claim) -> Outcome) {
        let parts = mem::take(&mut self.parts);
        let mut woken = Woken::default();
        let (mut table, _) = self.leases.lock();
        for (at, (part, claim)) in parts.iter().zip(self.claims).enumerate() {
            if let (Part::Led(led), Some(entry)) = (part, table.find(claim.key())) {
                let outcome = each(at, entry, led, claim);
                woken.add(entry.end(led.id, outcome));
            }
        }
        drop(table);
        woken.wake();
    }

    /// Puts back what was at hand.
    fn put_back(&mut self) {
        let (mut table, _) = self.leases.lock();
        for (part, claim) in self.parts.iter_mut().zip(self.claims) {
            if let Part::Taken(debit, _) = part {
                table.put_back(claim.key(), *debit);
                *part = Part::Asked;
            }
        }
    }
}

impl Drop for Call<'_> {
    /// Without an answer: what was asked for may have been debited, and what was to be given back may have been.
    fn drop(&mut self) {
        if !self.parts.is_empty() {
            self.put_back();
            self.end(|_, _, _, _| Outcome::Done);
        }
    }
}
