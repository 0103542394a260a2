//! A policy that is ready for use.

use http::{HeaderName, header::AUTHORIZATION, uri::Scheme};

use super::{
    CachePolicy,
    key::KeyParts,
    semantics::{
        rules::{HandlerStale, Rules},
        vary::Normalise,
    },
};
use crate::store::{Kind, Scope};

pub(super) struct Ready {
    pub(super) policy: CachePolicy,
    pub(super) rules: Rules,
    pub(super) scope: Scope,
    pub(super) normalise: Normalise,
    pub(super) key_parts: KeyParts,
    credentials: Vec<HeaderName>,
    /// A bit for each length of their names, from 63 on the last.
    credential_lengths: u64,
}

impl Ready {
    pub(super) fn new(
        policy: CachePolicy,
        targets: &[HeaderName],
        scheme: Option<&Scheme>,
    ) -> Self {
        let mut credentials = names(policy.credential_headers);
        credentials.retain(|name| *name != AUTHORIZATION);
        Self {
            rules: Rules {
                targets: targets.to_vec(),
                handler_ttl: None,
                handler_stale: HandlerStale::default(),
                default_ttl: policy.default_ttl,
                override_ttl: policy.override_ttl,
                status_ttls: policy.status_ttls().collect(),
                heuristic: policy.heuristic,
                stale_while_revalidate: policy.stale_while_revalidate,
                stale_if_error: policy.stale_if_error,
                stale_on_disconnect: policy.stale_on_disconnect,
                set_cookie: policy.set_cookie,
            },
            scope: Scope::new(Kind::Cache, policy.name),
            normalise: policy.normalise,
            key_parts: KeyParts {
                policy: policy.name,
                scheme: scheme.cloned(),
                query: policy.query,
                headers: names(policy.key_headers),
            },
            credential_lengths: credentials
                .iter()
                .fold(0, |lengths, name| lengths | bit(name.as_str().len())),
            credentials,
            policy,
        }
    }

    /// Returns whether the keys of two policies are made of the same.
    pub(super) fn has_keys_like(&self, other: &Self) -> bool {
        let parts = |ready: &Self| (ready.key_parts.query, ready.key_parts.headers.clone());
        parts(self) == parts(other) && self.is_per_user() == other.is_per_user()
    }

    /// Returns whether an entry of the policy has more in its key than a URL.
    pub(super) fn has_key_parts(&self) -> bool {
        self.is_per_user() || !self.key_parts.headers.is_empty()
    }

    pub(super) const fn is_per_user(&self) -> bool {
        self.policy.per.is_some()
    }

    /// Returns whether a field with a name so long may be [one](Self::is_credential).
    #[inline]
    pub(super) fn may_be_credential(&self, length: usize) -> bool {
        self.credential_lengths & bit(length) != 0
    }

    /// Returns whether a field tells who somebody is, by other means than `Authorization`.
    pub(super) fn is_credential(&self, name: &HeaderName) -> bool {
        self.credentials.contains(name)
    }
}

fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn names(names: &'static [&'static str]) -> Vec<HeaderName> {
    names.iter().copied().map(HeaderName::from_static).collect()
}
