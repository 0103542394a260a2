//! Purging by key: tombstones, which fills under way lose against.

use std::{pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, Uri};

use super::{
    Event,
    config::Config,
    debts::Debt,
    key::{CacheKey, url_tag},
    plan::{self, Place},
    ready::Ready,
};
use crate::{
    executor::Finish,
    store::{MAX_BATCH, Purge, Result, Store, Tag},
};

impl Config {
    /// Waits for a write, but not for long: then it goes on in the executor, where there is one.
    pub(super) async fn hold(&self, work: Finish<()>) {
        self.hold_for(super::recording::HOLD, work).await;
    }

    /// Waits for what an unsafe request has changed to be forgotten, so that whoever has its answer sees what it has changed,
    /// through any process. A remote store has a time limit, which is shorter.
    pub(super) async fn hold_forgetting(&self, work: Finish<()>) {
        self.hold_for(FORGETTING, work).await;
    }

    async fn hold_for(&self, limit: Duration, work: Finish<()>) {
        let mut work = pin!(work);
        let goes_on = self
            .executor
            .as_ref()
            .is_some_and(|executor| executor.is_here());
        match self.timer.as_ref().filter(|_| goes_on) {
            Some(timer) => {
                let _: Option<()> = timer.within(limit, work.as_mut()).await;
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

    /// Purges. What fails is owed: this process does not serve it until a lookup has purged it.
    ///
    /// # Errors
    /// Those of the store: something is not purged yet.
    pub(super) async fn purge(&self, places: &[Place], tags: &[Tag]) -> Result<()> {
        let debts: Result<Vec<Debt>> = places.iter().map(Debt::new).collect();
        let debts = debts?;
        // First: whoever looks from now on looks after a write of the tombstone.
        if !self.family.debts.owe(&debts) {
            self.family.purging.owe_everything();
        }
        for place in places {
            self.family.dooms.add(place.key.digest());
        }
        let paid = self.pay(&debts).await;
        if !tags.is_empty() {
            self.purge_tags(tags).await?;
        }
        paid
    }

    /// Writes tombstones.
    ///
    /// # Errors
    /// Those of the store: something is still owed.
    pub(super) async fn pay(&self, debts: &[Debt]) -> Result<()> {
        for debts in debts.chunks(MAX_BATCH) {
            let writes = debts
                .iter()
                .map(|debt| plan::plan_purge(&debt.place, debt.generation));
            let _ = self.store.write(&writes.collect()).await?;
            self.family.debts.paid(debts);
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
            .purge_durably(&self.store, Purge::Tags(tags))
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

/// For how long the answer to an unsafe request waits for the store. What is forgotten later is not served by this process
/// meanwhile.
const FORGETTING: Duration = Duration::from_secs(1);

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
