//! A policy that is ready for use.

use http::{HeaderMap, HeaderName, header::AUTHORIZATION, uri::Scheme};

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
}

impl Ready {
    pub(super) fn new(
        policy: CachePolicy,
        targets: &[HeaderName],
        scheme: Option<&Scheme>,
    ) -> Self {
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
            credentials: names(policy.credential_headers),
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

    /// Returns whether a request says who somebody is, by other means than `Authorization`.
    pub(super) fn has_credentials(&self, headers: &HeaderMap) -> bool {
        self.credentials
            .iter()
            .any(|name| *name != AUTHORIZATION && headers.contains_key(name))
    }
}

fn names(names: &'static [&'static str]) -> Vec<HeaderName> {
    names.iter().copied().map(HeaderName::from_static).collect()
}
