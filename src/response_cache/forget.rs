//! Purging by key: tombstones, which fills under way lose against.

use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::{
    Event,
    config::Config,
    entry::Generation,
    key::{CacheKey, url_tag},
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

    /// Purges what any policy of the family has stored for URLs, and what carries tags. It goes on when it is dropped.
    pub(super) fn forget(
        self: &Arc<Self>,
        uris: &[Uri],
        headers: &HeaderMap,
        tags: Vec<Tag>,
    ) -> Finish<()> {
        let (places, urls) = self.of_urls(uris, headers);
        self.forget_all(places, tags.into_iter().chain(urls).collect())
    }

    /// Returns where any policy of the family stores what URLs have, and the tags of what it stores elsewhere.
    pub(super) fn of_urls(&self, uris: &[Uri], headers: &HeaderMap) -> (Vec<Place>, Vec<Tag>) {
        let policies = self.family.policies();
        let tags = self.url_tags(&policies, uris, headers);
        (places(&policies, uris, headers), tags)
    }

    pub(super) fn forget_all(self: &Arc<Self>, places: Vec<Place>, tags: Vec<Tag>) -> Finish<()> {
        let config = Arc::clone(self);
        let work = async move {
            if let Err(error) = config.purge(&places, &tags).await {
                config.tell(&Event::StoreError { error: &error });
            }
        };
        Finish::new(Box::pin(work), self.executor.clone())
    }

    /// # Errors
    /// Those of the store: something is not purged.
    pub(super) async fn purge(&self, places: &[Place], tags: &[Tag]) -> Result<()> {
        for place in places {
            self.family.dooms.add(place.key.digest());
        }
        let writes: Result<Vec<Write>> = places
            .iter()
            .map(|place| Ok(plan::plan_purge(place, Generation::random()?)))
            .collect();
        for writes in writes?.chunks(MAX_BATCH) {
            let batch = writes.iter().cloned().collect();
            let _ = self.store.write(&batch).await?;
        }
        // Once more: a fill that has begun meanwhile may have looked before the write.
        for place in places {
            self.family.dooms.add(place.key.digest());
        }
        if !tags.is_empty() {
            self.purge_tags(tags).await?;
        }
        Ok(())
    }

    /// # Errors
    /// Those of the store: what carries the tags is not purged.
    pub(super) async fn purge_tags(&self, tags: &[Tag]) -> Result<()> {
        self.family.dooms.add_to_all();
        let purged = self
            .family
            .purging
            .purge(&self.store, Purge::Tags(tags))
            .await;
        self.family.dooms.add_to_all();
        purged
    }

    /// Returns the tags of all that is stored for URLs under keys that have more parts.
    fn url_tags(&self, policies: &[Arc<Ready>], uris: &[Uri], headers: &HeaderMap) -> Vec<Tag> {
        if !policies.iter().any(|policy| policy.has_key_parts()) {
            return Vec::new();
        }
        uris.iter()
            .filter_map(|uri| url_tag(self.scheme.as_ref(), uri, headers))
            .collect()
    }
}

fn places(policies: &[Arc<Ready>], uris: &[Uri], headers: &HeaderMap) -> Vec<Place> {
    let of = |uri| {
        policies.iter().filter_map(move |policy| {
            let key = CacheKey::of_request(&policy.key_parts, uri, headers, None)?;
            Some(Place {
                scope: policy.scope.clone(),
                key,
            })
        })
    };
    uris.iter().flat_map(of).collect()
}
