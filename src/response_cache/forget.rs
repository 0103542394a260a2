//! Purging by key: tombstones, which fills under way lose against.

use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::{
    Event,
    config::Config,
    digest::Digest,
    entry::Generation,
    key::{CacheKey, url_digest, url_tag},
    plan::{self, Place},
    ready::Ready,
};
use crate::{
    executor::Finish,
    store::{MAX_BATCH, Purge, Result, Store, Tag, Write},
};

impl Config {
    /// Waits for a write, but not for long.
    pub(super) async fn hold(&self, work: Finish<()>) {
        let mut work = std::pin::pin!(work);
        match &self.timer {
            Some(timer) => {
                let _: Option<()> = timer.within(super::recording::HOLD, work.as_mut()).await;
            }
            None => work.await,
        }
    }

    /// Purges in the background of whoever waits for it: it goes on when it is dropped.
    pub(super) fn forget(self: &Arc<Self>, what: Forgotten) -> Finish<()> {
        let config = Arc::clone(self);
        let running = config.family.writes.begin();
        let work = async move {
            let _running = running;
            if let Err(error) = config.purge(&what).await {
                config.tell(&Event::StoreError { error: &error });
            }
        };
        Finish::new(Box::pin(work), self.executor.clone())
    }

    /// # Errors
    /// Those of the store: something is not purged.
    pub(super) async fn purge(&self, what: &Forgotten) -> Result<()> {
        self.doom(&what.urls);
        let purged = self.purge_at_rest(what).await;
        // Once more: a fill that has begun meanwhile may have looked before the write.
        self.doom(&what.urls);
        purged
    }

    pub(super) fn doom(&self, urls: &[Digest]) {
        urls.iter().for_each(|url| self.family.dooms.add(url));
    }

    async fn purge_at_rest(&self, what: &Forgotten) -> Result<()> {
        let writes: Result<Vec<Write>> = what
            .places
            .iter()
            .map(|place| Ok(plan::plan_purge(place, Generation::random()?)))
            .collect();
        for writes in writes?.chunks(MAX_BATCH) {
            let batch = writes.iter().cloned().collect();
            let _ = self.store.write(&batch).await?;
        }
        if what.tags.is_empty() {
            return Ok(());
        }
        let purging = &self.family.purging;
        purging.purge(&self.store, Purge::Tags(&what.tags)).await
    }

    /// Returns what is stored for the URLs that a request has changed.
    pub(super) fn changed(&self, uris: &[Uri], headers: &HeaderMap, groups: Vec<Tag>) -> Forgotten {
        let policies = self.family.policies();
        let mut forgotten = self.forgotten(&policies, uris, headers);
        if !policies.iter().any(|policy| policy.has_key_parts()) {
            forgotten.tags.clear();
        }
        forgotten.tags.extend(groups);
        forgotten
    }

    /// Returns what is stored for URLs, of no request.
    pub(super) fn of_urls(&self, uris: &[Uri]) -> Forgotten {
        let mut policies = self.family.policies();
        if policies
            .iter()
            .all(|policy| policy.policy.name != self.name())
        {
            policies.push(Arc::clone(&self.policy));
        }
        self.forgotten(&policies, uris, &HeaderMap::new())
    }

    fn forgotten(&self, policies: &[Arc<Ready>], uris: &[Uri], headers: &HeaderMap) -> Forgotten {
        let scheme = self.scheme.as_ref();
        let urls = uris
            .iter()
            .filter_map(|uri| url_digest(scheme, uri, headers));
        let tags = uris.iter().filter_map(|uri| url_tag(scheme, uri, headers));
        Forgotten {
            places: places(policies, uris, headers),
            urls: urls.collect(),
            tags: tags.collect(),
        }
    }
}

/// What is to be purged.
#[derive(Default)]
pub(super) struct Forgotten {
    pub(super) places: Vec<Place>,
    /// For fills under way in this process.
    pub(super) urls: Vec<Digest>,
    /// Where keys have more parts than a URL.
    pub(super) tags: Vec<Tag>,
}

fn places(policies: &[Arc<Ready>], uris: &[Uri], headers: &HeaderMap) -> Vec<Place> {
    let of = |uri| {
        // A user's own are found by their tag.
        let policies = policies.iter().filter(|policy| !policy.is_per_user());
        policies.filter_map(move |policy| {
            let key = CacheKey::of_request(&policy.key_parts, uri, headers, None)?;
            Some(Place {
                scope: policy.scope.clone(),
                key,
            })
        })
    };
    uris.iter().flat_map(of).collect()
}
