//! What outer layers have charged already: a mark in the request's extensions.

use std::sync::Arc;

use http::Extensions;

use crate::{quota::Quota, store::Key};

/// The claims that layers further out have made. A limit is not charged twice for one request.
#[derive(Clone, Default)]
pub(super) struct Charged(Arc<Vec<(usize, Key, Quota)>>);

impl Charged {
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Returns whether this very claim was made, in the store of that address.
    pub(super) fn has(&self, store: usize, key: &Key, quota: &Quota) -> bool {
        self.0
            .iter()
            .any(|(at, charged, by)| *at == store && by == quota && charged == key)
    }

    /// Adds claims to the mark.
    pub(super) fn add<'a>(
        extensions: &mut Extensions,
        store: usize,
        claims: impl Iterator<Item = (&'a Key, &'a Quota)>,
    ) {
        let mut charged = extensions.remove::<Self>().unwrap_or_default();
        Arc::make_mut(&mut charged.0)
            .extend(claims.map(|(key, quota)| (store, key.clone(), *quota)));
        extensions.insert(charged);
    }
}
