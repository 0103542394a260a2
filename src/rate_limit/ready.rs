//! A limit that is ready for use.

use super::{Limit, extractor::Extractor, label::Label, limit::Cost};
use crate::{
    head::Head,
    quota::Quota,
    store::{Kind, Registration, Scope, Spend},
};

#[derive(Clone)]
pub(super) struct Ready {
    pub(super) limit: Limit,
    pub(super) label: Label,
    pub(super) scope: Scope,
    pub(super) extractor: Extractor,
    // Keeps the name for this quota, and knows of other layers that have it.
    pub(super) registration: Registration,
    // Before anything replaced it.
    given: Quota,
}

impl Ready {
    pub(super) fn new(limit: Limit, given: Quota, registration: Registration) -> Self {
        Self {
            label: Label::new(limit.name, Some(limit.unit)),
            scope: Scope::new(Kind::Limit, limit.name),
            extractor: Extractor::new(&limit),
            limit,
            registration,
            given,
        }
    }

    /// Returns the limit as it was given, and frees its name.
    pub(super) fn into_given(self) -> Limit {
        Limit {
            quota: self.given,
            ..self.limit
        }
    }

    /// Returns the quota of a request, where it is not that of the limit.
    #[inline]
    pub(super) fn plan(&self, head: &Head<'_>) -> Option<Quota> {
        let plan = self.limit.plan.as_ref().zip(head.parts);
        plan.and_then(|(plan, parts)| plan.call(parts))
    }

    /// Returns how many units a request takes.
    #[inline]
    pub(super) fn cost(&self, head: &Head<'_>, quota: &Quota) -> u32 {
        match (&self.limit.cost, head.parts) {
            (Cost::Exactly(cost), Some(parts)) => cost.call(parts),
            (Cost::Reserved(estimate), Some(parts)) => {
                estimate.call(parts).min(quota.capacity()).max(1)
            }
            _ => 1,
        }
    }

    #[inline]
    pub(super) const fn spend(&self, cost: u32) -> Spend {
        if self.limit.shadow {
            Spend::Shadow(cost)
        } else {
            Spend::Take(cost)
        }
    }
}
