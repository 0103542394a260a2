//! What a request asks of its limits.

use smallvec::SmallVec;

use super::{
    Missing, by::Later, charged::Charged, config::Config, extractor::Found,
    preflight::is_preflight, ready::Ready,
};
use crate::{
    head::Head,
    quota::Quota,
    store::{Claim, Identifier, Key, MAX_CLAIMS, Spend},
};

/// The claims of a request, and the place of the limit that made each.
#[derive(Default)]
pub(super) struct Question {
    pub(super) claims: SmallVec<[Claim; 3]>,
    pub(super) limits: SmallVec<[u8; MAX_CLAIMS]>,
}

/// A claim whose identifier has to be waited for.
pub(super) struct Pending {
    limit: u8,
    quota: Quota,
    cost: u32,
    identifier: Later,
}

/// Why a request is refused without asking: the place of the limit that refuses.
pub(super) enum Refused {
    /// Nothing tells whose limit it is.
    Missing(u8),
    /// The quota admits nothing at all.
    Closed(u8, Box<Claim>),
}

impl Question {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Moves the last claim to the place that its limit has in the layer.
    fn sort_in_last(&mut self) {
        let last = self.limits.last().copied();
        let later = self.limits.iter().position(|at| Some(*at) > last);
        let tails = later.and_then(|later| {
            let limits = self.limits.get_mut(later..)?;
            Some((limits, self.claims.get_mut(later..)?))
        });
        if let Some((limits, claims)) = tails {
            limits.rotate_right(1);
            claims.rotate_right(1);
        }
    }

    /// Keeps only what one limit asks.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut at = 0;
        self.limits.retain(|_| {
            at += 1;
            keep(at - 1)
        });
        at = 0;
        self.claims.retain(|_| {
            at += 1;
            keep(at - 1)
        });
    }
}

impl Config {
    /// Asks what a request needs. Nothing: it passes.
    #[inline]
    pub(super) fn ask(
        &self,
        head: &Head<'_>,
        question: &mut Question,
        pending: &mut Option<Vec<Pending>>,
    ) -> Result<(), Refused> {
        if self.is_exempt(head) {
            return Ok(());
        }
        let charged = if self.is_nested() {
            Charged::of(head.extensions)
        } else {
            None
        };
        for (at, ready) in (0..).zip(&self.limits) {
            if ready.limit.when.is_always() || ready.limit.when.holds(head) {
                self.ask_one(head, charged, (at, ready), question, pending)?;
            }
        }
        Ok(())
    }

    #[inline(never)] // in the loop, the compiler runs out of registers
    fn ask_one(
        &self,
        head: &Head<'_>,
        charged: Option<&Charged>,
        (at, ready): (u8, &Ready),
        question: &mut Question,
        pending: &mut Option<Vec<Pending>>,
    ) -> Result<(), Refused> {
        let plan = ready.plan(head);
        let quota = plan.as_ref().unwrap_or(&ready.limit.quota);
        let cost = ready.cost(head, quota);
        if cost == 0 {
            return Ok(());
        }
        let identifier = match ready.extractor.find(head, &self.addresses) {
            Found::Now(identifier) => identifier,
            Found::Nothing => match self.missing(at, ready)? {
                Some(identifier) => identifier,
                None => return Ok(()),
            },
            Found::Later(identifier) => {
                pending.get_or_insert_default().push(Pending {
                    limit: at,
                    quota: *quota,
                    cost,
                    identifier,
                });
                return Ok(());
            }
        };
        self.claim(question, charged, (at, ready), identifier, (quota, cost))
    }

    /// Waits for identifiers that take time to find.
    pub(super) async fn ask_later(
        &self,
        question: &mut Question,
        pending: Vec<Pending>,
        charged: Option<Charged>,
    ) -> Result<(), Refused> {
        for pending in pending {
            let found = pending.identifier.await;
            let Some(ready) = self.limits.get(usize::from(pending.limit)) else {
                continue;
            };
            let found = match found {
                None => self.missing(pending.limit, ready)?,
                found => found,
            };
            if let Some(identifier) = found {
                let (limit, asked) = ((pending.limit, ready), (&pending.quota, pending.cost));
                self.claim(question, charged.as_ref(), limit, identifier, asked)?;
                question.sort_in_last();
            }
        }
        Ok(())
    }

    #[inline]
    fn claim(
        &self,
        question: &mut Question,
        charged: Option<&Charged>,
        (at, ready): (u8, &Ready),
        identifier: Identifier,
        (quota, cost): (&Quota, u32),
    ) -> Result<(), Refused> {
        let key = ready.scope.key(identifier);
        let is_charged =
            |charged: &Charged| charged.has(self.store_address(), &key, quota, ready.limit.shadow);
        if charged.is_some_and(is_charged) {
            return Ok(());
        }
        if quota.limit() == 0 && !ready.limit.shadow {
            return Err(closed(at, key, *quota, cost));
        }
        question.limits.push(at);
        question
            .claims
            .push(Claim::new(key, *quota).spend(ready.spend(cost)));
        Ok(())
    }

    /// Returns what stands for no identifier. `None`: the limit does not apply.
    #[cold]
    fn missing(&self, at: u8, ready: &Ready) -> Result<Option<Identifier>, Refused> {
        self.tell(&super::Event::Missing {
            limit: ready.limit.name,
            then: ready.limit.missing,
        });
        match ready.limit.missing {
            Missing::Shared => Ok(Some(Identifier::missing())),
            Missing::Refuse if !ready.limit.shadow => Err(Refused::Missing(at)),
            Missing::Refuse | Missing::Exempt => Ok(None),
        }
    }

    #[inline]
    fn is_exempt(&self, head: &Head<'_>) -> bool {
        (!self.preflights && is_preflight(head.method, head.headers))
            || self.exempt.iter().any(|when| when.holds(head))
    }
}

#[cold]
fn closed(at: u8, key: Key, quota: Quota, cost: u32) -> Refused {
    let claim = Claim::new(key, quota).spend(Spend::Take(cost));
    Refused::Closed(at, Box::new(claim))
}
