//! Purging by key: tombstones, which fills under way lose against.

use std::{pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, Uri};

use super::{
    Event,
    config::Config,
    debts::Debt,
    digest::Digest,
    key::{CacheKey, url_digest, url_tag},
    plan::{self, Place},
    ready::Ready,
};
use crate::{
    executor::{Executor, Finish},
    join::join,
    store::{MAX_BATCH, Purge, Result, Store, Tag, together},
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
        let goes_on = self.executor.as_ref().is_some_and(Executor::is_here);
        match self.timer.as_ref().filter(|_| goes_on) {
            Some(timer) => {
                let _: Option<()> = timer.within(limit, work.as_mut()).await;
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

    /// Purges. What fails is owed: this process does not serve it until a lookup has purged it.
    ///
    /// # Errors
    /// Those of the store: something is not purged yet.
    pub(super) async fn purge(&self, what: &Forgotten) -> Result<()> {
        let debts: Result<Vec<Debt>> = what.places.iter().map(Debt::new).collect();
        let debts = debts?;
        // First: whoever looks from now on looks after a write of the tombstone.
        if !self.family.debts.has_room(debts.len()) {
            // First: nothing is forgotten before all is owed.
            self.family.purging.owe_everything();
        }
        self.family.debts.owe(&debts);
        self.doom(&what.urls);
        if what.tags.is_empty() {
            return self.pay(&debts).await;
        }
        let purging = &self.family.purging;
        let tags = purging.purge_durably(&self.store, Purge::Tags(&what.tags));
        // In one trip, where the store can.
        let (paid, purged) = together(join(self.pay(&debts), tags)).await;
        paid.and(purged)
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

    pub(super) fn doom(&self, urls: &[Digest]) {
        urls.iter()
            .for_each(|url| self.family.dooms.add(url.as_bytes()));
    }

    /// Returns what is stored for the URLs that a request has changed.
    pub(super) fn changed(&self, uris: &[Uri], headers: &HeaderMap, groups: Vec<Tag>) -> Forgotten {
        let policies = self.family.policies();
        let tagged = policies.iter().filter(|policy| policy.has_key_parts());
        let mut tags = groups;
        add_tags(&mut tags, tagged, uris, headers);
        Forgotten {
            places: places(&policies, uris, headers),
            urls: urls(&policies, uris, headers),
            tags,
        }
    }

    /// Returns what is stored for URLs, of no request.
    pub(super) fn of_urls(&self, uris: &[Uri]) -> Forgotten {
        let mut policies = self.family.policies();
        let is_own = |policy: &Arc<Ready>| policy.policy.name == self.name();
        if !policies.iter().any(is_own) {
            policies.push(Arc::clone(&self.policy));
        }
        let headers = HeaderMap::new();
        let mut tags = Vec::new();
        add_tags(&mut tags, &policies, uris, &headers);
        Forgotten {
            places: places(&policies, uris, &headers),
            urls: urls(&policies, uris, &headers),
            tags,
        }
    }
}

fn urls(policies: &[Arc<Ready>], uris: &[Uri], headers: &HeaderMap) -> Vec<Digest> {
    let of = |uri| {
        policies
            .iter()
            .filter_map(move |policy| url_digest(&policy.key_parts, uri, headers))
    };
    uris.iter().flat_map(of).collect()
}

/// Each once: most policies take a query for the same.
fn add_tags<'a>(
    tags: &mut Vec<Tag>,
    policies: impl IntoIterator<Item = &'a Arc<Ready>>,
    uris: &[Uri],
    headers: &HeaderMap,
) {
    for policy in policies {
        for uri in uris {
            let tag = url_tag(&policy.key_parts, uri, headers);
            tags.extend(tag.filter(|tag| !tags.contains(tag)));
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

/// For how long the answer to an unsafe request waits for the store. What is forgotten later is not served by this process
/// meanwhile.
const FORGETTING: Duration = Duration::from_secs(1);

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
