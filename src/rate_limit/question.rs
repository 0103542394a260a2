//! What a request asks of its limits.

use smallvec::SmallVec;

use super::{
    Missing, by::Later, charged::Charged, config::Config, extractor::Found, head::Head,
    preflight::is_preflight, ready::Ready,
};
use crate::{
    quota::Quota,
    store::{Claim, Identifier, MAX_CLAIMS},
};

/// The claims of a request, and the place of the limit that made each.
#[derive(Default)]
pub(super) struct Question {
    pub(super) claims: SmallVec<[Claim; 2]>,
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
        pending: &mut Vec<Pending>,
    ) -> Result<(), Refused> {
        if self.is_exempt(head) {
            return Ok(());
        }
        let charged = self
            .is_nested()
            .then(|| Charged::of(head.extensions))
            .flatten();
        for (at, ready) in (0..).zip(&self.limits) {
            if !ready.limit.when.is_always() && !ready.limit.when.holds(head) {
                continue;
            }
            let quota = ready.quota(head);
            let cost = ready.cost(head, &quota);
            if cost == 0 {
                continue;
            }
            match ready.extractor.find(head, &self.addresses) {
                Found::Now(identifier) => {
                    self.claim(question, charged, at, (quota, cost), identifier)?;
                }
                Found::Later(identifier) => pending.push(Pending {
                    limit: at,
                    quota,
                    cost,
                    identifier,
                }),
            }
        }
        Ok(())
    }

    /// Waits for identifiers that take time to find.
    pub(super) async fn ask_later(
        &self,
        question: &mut Question,
        pending: Vec<Pending>,
        charged: Option<Charged>,
    ) -> Result<(), Refused> {
        for pending in pending {
            let identifier = pending.identifier.await;
            let asked = (pending.quota, pending.cost);
            self.claim(question, charged.as_ref(), pending.limit, asked, identifier)?;
        }
        Ok(())
    }

    #[inline]
    fn claim(
        &self,
        question: &mut Question,
        charged: Option<&Charged>,
        at: u8,
        (quota, cost): (Quota, u32),
        identifier: Option<Identifier>,
    ) -> Result<(), Refused> {
        let Some(ready) = self.limits.get(usize::from(at)) else {
            return Ok(());
        };
        let identifier = match identifier {
            Some(identifier) => identifier,
            None => match self.missing(ready) {
                Missing::Shared => Identifier::missing(),
                Missing::Refuse if !ready.limit.shadow => return Err(Refused::Missing(at)),
                Missing::Refuse | Missing::Exempt => return Ok(()),
            },
        };
        let key = ready.scope.key(identifier);
        if charged.is_some_and(|charged| charged.has(self.store_address(), &key, &quota)) {
            return Ok(());
        }
        let claim = Claim::new(key, quota).spend(ready.spend(cost));
        if quota.limit() == 0 && !ready.limit.shadow {
            return Err(Refused::Closed(at, Box::new(claim)));
        }
        question.claims.push(claim);
        question.limits.push(at);
        Ok(())
    }

    #[cold]
    fn missing(&self, ready: &Ready) -> Missing {
        self.tell(&super::Event::Missing {
            limit: ready.limit.name,
            then: ready.limit.missing,
        });
        ready.limit.missing
    }

    #[inline]
    fn is_exempt(&self, head: &Head<'_>) -> bool {
        (!self.preflights && is_preflight(head.method, head.headers))
            || self.exempt.iter().any(|when| when.holds(head))
    }
}
