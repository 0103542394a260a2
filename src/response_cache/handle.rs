//! The [`ResponseCacheHandle`].

use std::{fmt, sync::Arc};

use http::{
    Uri,
    uri::{PathAndQuery, Scheme},
};

use super::{
    config::Config,
    forget::Forgotten,
    plan::{self, Place},
};
use crate::store::{Identifier, Purge, Result, Store, Tag, Written};

/// Purges what is stored, from outside of requests.
///
/// ```
/// use tower_upstash::{response_cache::ResponseCacheLayer, store::MemoryStore};
///
/// # tokio_test::block_on(async {
/// let layer = ResponseCacheLayer::new(MemoryStore::new());
/// let cache = layer.handle();
/// cache.purge_tags(["posts"]).await?;
/// cache.purge_url(&"https://example.com/posts/1".parse()?).await?;
/// cache.purge_everything().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// A purge wins over a fill that is under way: what was fetched before it is not stored.
///
/// # Security
/// Whoever may purge makes the service work. Nothing that arrives as a request purges by itself, whatever its method is
/// called.
#[derive(Clone)]
pub struct ResponseCacheHandle {
    config: Arc<Config>,
}

impl ResponseCacheHandle {
    pub(super) const fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// Purges everything that carries one of these tags: one trip for 256 of them, whatever carries them. This process sees it
    /// at once, others with their next lookup, or [as late as their layers allow](super::ResponseCacheLayer::purge_lag).
    ///
    /// # Errors
    /// Those of the store. It is not sure that anything is purged; what carries the tags is no longer served by this process
    /// until a later lookup has purged it.
    ///
    /// # Cancellation
    /// As an error.
    pub async fn purge_tags<T: Into<Identifier>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let tags: Vec<Tag> = tags.into_iter().map(Tag::new).collect();
        self.purge_log(Purge::Tags(&tags)).await
    }

    /// Purges everything that any cache over this store has stored, also those of other programs, unless they have a
    /// [prefix](crate::store::PrefixedStore) of their own: one trip, whatever there is. What is purged takes its room until it
    /// expires, or is stored anew. Values of a [memo](crate::memo) stay.
    ///
    /// # Errors
    /// As [`purge_tags`](Self::purge_tags).
    ///
    /// # Cancellation
    /// As an error.
    pub async fn purge_everything(&self) -> Result<()> {
        self.purge_log(Purge::Everything).await
    }

    /// Purges all variants of a URL, of `http` and of `https`, by all policies of the layers that were made from one and are
    /// around a service. The URL is as clients send it, with scheme and host; its query is that of the key. Two writes, over
    /// HTTP in one trip: one for what lies under the URL itself, which every process sees at once, and one for what is [per
    /// user](super::CachePolicy::per) or has [headers](super::CachePolicy::key_headers) in its key, which they see as a purge by
    /// tag.
    ///
    /// # Errors
    /// Those of the store, and [`Invalid`](crate::store::ErrorKind::Invalid) for a URL without a host. It is not sure that
    /// anything is purged.
    ///
    /// # Cancellation
    /// Dropping the future leaves some of it purged, or all, or none.
    pub async fn purge_url(&self, url: &Uri) -> Result<()> {
        let urls = both_schemes(url)?;
        self.config.purge(&self.config.of_urls(&urls)).await
    }

    /// Makes all variants of a URL stale, as [`purge_url`](Self::purge_url) finds them: they are validated before their next use, and
    /// serve meanwhile where the [policy](super::CachePolicy::stale_while_revalidate) or the response allows that. What is [per
    /// user](super::CachePolicy::per) or has [headers](super::CachePolicy::key_headers) in its key is not found. One trip to
    /// look and one to write for each policy and scheme.
    ///
    /// # Errors
    /// As [`purge_url`](Self::purge_url).
    ///
    /// # Cancellation
    /// As [`purge_url`](Self::purge_url).
    pub async fn soft_purge_url(&self, url: &Uri) -> Result<()> {
        let urls = both_schemes(url)?;
        let what = self.config.of_urls(&urls);
        self.config.doom(&what.urls);
        for place in what.places {
            self.soft_purge(place).await?;
        }
        self.config.doom(&what.urls);
        Ok(())
    }

    /// Waits for the refreshes and writes that are under way: before a shutdown.
    pub async fn drain(&self) {
        self.config.family.refreshes.end().await;
        self.config.family.writes.end().await;
    }

    async fn soft_purge(&self, place: Place) -> Result<()> {
        let config = &self.config;
        for _ in 0..ATTEMPTS {
            let entry = config.store.get(&place.base()).await?;
            let found = plan::Lookup::of(entry.as_ref(), place.key.digest());
            let write = plan::plan_soft_purge(&place, &found, &config.terms()?);
            if let Written::Done(_) = config.store.write(&write.into()).await? {
                return Ok(());
            }
        }
        // Others keep writing: nothing is left to be soft about.
        let places = vec![place];
        let what = Forgotten {
            places,
            ..Forgotten::default()
        };
        config.purge(&what).await
    }

    async fn purge_log(&self, what: Purge<'_>) -> Result<()> {
        // Fills under way that carry a tag are found by it when they are stored, and by those who would take part.
        let purging = &self.config.family.purging;
        purging.purge_durably(&self.config.store, what).await
    }
}

const ATTEMPTS: usize = 3;

/// Who purges a URL means the page, and not the protocol that it is fetched by.
fn both_schemes(url: &Uri) -> Result<Vec<Uri>> {
    let of = |scheme: Scheme| {
        let mut parts = url.clone().into_parts();
        parts.scheme = Some(scheme);
        parts
            .path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).map_err(|_| {
            crate::store::Error::invalid("a URL without a host, which no response is stored for")
        })
    };
    [Scheme::HTTP, Scheme::HTTPS].into_iter().map(of).collect()
}

impl fmt::Debug for ResponseCacheHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCacheHandle")
            .field("policy", &self.config.policy.policy)
            .finish_non_exhaustive()
    }
}
