//! What outer layers have charged already: a mark in the request's extensions.

use http::Extensions;
use smallvec::SmallVec;

use crate::{
    quota::Quota,
    store::{Claim, Key, Spend},
};

/// The claims that layers further out have made. A limit is not charged twice for one request.
#[derive(Clone, Default)]
pub(super) struct Charged(SmallVec<[Charge; 2]>);

/// In which store, to which key, by which quota; and whether it was enforced.
type Charge = (usize, Key, Quota, bool);

impl Charged {
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Returns whether this claim was made, in the store of that address. One that was only watched does not stand for
    /// one that is enforced.
    pub(super) fn has(&self, store: usize, key: &Key, quota: &Quota, shadow: bool) -> bool {
        self.0.iter().any(|(at, charged, by, enforced)| {
            *at == store && by == quota && charged == key && (*enforced || shadow)
        })
    }

    /// Adds claims to the mark.
    pub(super) fn add<'a>(
        extensions: &mut Extensions,
        store: usize,
        claims: impl Iterator<Item = &'a Claim>,
    ) {
        let mut charged = extensions.remove::<Self>().unwrap_or_default();
        let claims = claims.map(|claim| {
            let key = claim.key().clone();
            let enforced = !matches!(claim.spending(), Spend::Shadow(_));
            (store, key, *claim.quota(), enforced)
        });
        charged.0.extend(claims);
        extensions.insert(charged);
    }
}
