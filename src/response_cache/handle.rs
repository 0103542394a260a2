//! The [`ResponseCacheHandle`].

use std::{fmt, sync::Arc};

use http::{
    HeaderMap, Uri,
    uri::{PathAndQuery, Scheme},
};

use super::{
    config::Config,
    key::url_tag,
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

    /// Purges everything that any cache over this store has stored: one trip, whatever there is.
    ///
    /// # Errors
    /// As [`purge_tags`](Self::purge_tags).
    ///
    /// # Cancellation
    /// As an error.
    pub async fn purge_everything(&self) -> Result<()> {
        self.purge_log(Purge::Everything).await
    }

    /// Purges all variants of a URL, of `http` and of `https`, by all policies of the layers that were made from one. The URL is
    /// as clients send it, with scheme and host; its query is that of the key. Two trips: one for the keys, and one for what
    /// has more in its key than the URL. Every process sees it at once.
    ///
    /// # Errors
    /// Those of the store, and [`Invalid`](crate::store::ErrorKind::Invalid) for a URL without a host.
    ///
    /// # Cancellation
    /// Dropping the future leaves some of it purged, or all, or none.
    pub async fn purge_url(&self, url: &Uri) -> Result<()> {
        let urls = both_schemes(url)?;
        let headers = HeaderMap::new();
        let (places, _) = self.config.of_urls(&urls, &headers);
        // Also what was asked for by another spelling of the host: policies do not tell whether there is any.
        let tags = urls.iter().filter_map(|url| url_tag(None, url, &headers));
        self.config.purge(&places, &tags.collect::<Vec<_>>()).await
    }

    /// Makes all variants of a URL stale, as [`purge_url`](Self::purge_url) finds them: they are validated before their next use, and
    /// serve meanwhile where the [policy](super::CachePolicy::stale_while_revalidate) allows that. Keys with more parts than
    /// the URL are not found. One trip to look and one to write for each policy.
    ///
    /// # Errors
    /// As [`purge_url`](Self::purge_url).
    ///
    /// # Cancellation
    /// As [`purge_url`](Self::purge_url).
    pub async fn soft_purge_url(&self, url: &Uri) -> Result<()> {
        let urls = both_schemes(url)?;
        let (places, _) = self.config.of_urls(&urls, &HeaderMap::new());
        for place in places {
            self.soft_purge(&place).await?;
        }
        Ok(())
    }

    /// Waits for refreshes that are under way: before a shutdown. Writes that are under way go on in the executor.
    pub async fn drain(&self) {
        self.config.family.background.end().await;
    }

    async fn soft_purge(&self, place: &Place) -> Result<()> {
        let config = &self.config;
        config.family.dooms.add(place.key.digest());
        for _ in 0..ATTEMPTS {
            let entry = config.store.get(&place.base()).await?;
            let found = plan::Lookup::of(entry.as_ref(), place.key.digest());
            let write = plan::plan_soft_purge(place, &found, &config.terms()?);
            if let Written::Done(_) = config.store.write(&write.into()).await? {
                config.family.dooms.add(place.key.digest());
                return Ok(());
            }
        }
        // Others keep writing: nothing is left to be soft about.
        config.purge(std::slice::from_ref(place), &[]).await
    }

    async fn purge_log(&self, what: Purge<'_>) -> Result<()> {
        let family = &self.config.family;
        family.dooms.add_to_all();
        let purged = family.purging.purge_durably(&self.config.store, what).await;
        family.dooms.add_to_all();
        purged
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
