//! Storing what was received: the write at the end of a fill, and after a validation.

use std::sync::Arc;

use http::header::{ETAG, LAST_MODIFIED};

use super::{
    Event, Reason,
    called::{Called, UNSHAREABLE},
    compression::{Compression, compress},
    config::Config,
    entry::{Generation, Packed, Part},
    exchange::{Before, Leading},
    personal::Marks,
    plan::{self, Freshened, LONGEST_FILL, Place, Terms},
    question::Question,
    recording::{Discarded, OnEnd, Recorded},
    stored::{Stored, StoredHead},
};
use crate::{
    executor::Finish,
    store::{Batch, Result, Store, Written},
    time::Timestamp,
};

/// What is stored when the body has ended.
pub(super) struct Commit {
    config: Arc<Config>,
    place: Place,
    found: plan::Lookup,
    head: Arc<StoredHead>,
    marks: Marks,
    before: Before,
    requested: Timestamp,
    /// The flight ends when this is dropped: after the write.
    leader: Option<Arc<Leading>>,
}

impl Commit {
    pub(super) fn new(
        called: Called,
        head: Arc<StoredHead>,
        marks: Marks,
        leader: Option<Arc<Leading>>,
    ) -> Self {
        Self {
            place: called.config.place(&called.question),
            config: called.config,
            found: called.lookup.into_base(),
            head,
            marks,
            before: called.before,
            requested: called.requested,
            leader,
        }
    }

    /// Writes the head that a validation has made of a stored response.
    pub(super) fn freshen(called: &Called, stored: &Stored) -> Finish<()> {
        let config = Arc::clone(&called.config);
        let executor = config.executor.clone();
        let place = config.place(&called.question);
        let old = called.lookup.packed().cloned();
        let found = called.lookup.base().clone();
        let head = stored.head.clone();
        let running = config.family.writes.begin();
        let work = async move {
            let _running = running;
            if let Some(old) = old
                && let Err(error) = config.write_freshened(&place, &found, (&old, &head)).await
            {
                config.tell(&Event::StoreError { error: &error });
            }
        };
        Finish::new(Box::pin(work), executor)
    }

    async fn run(self, recorded: Recorded) {
        let _running = self.config.family.writes.begin();
        let stored = match self.refusal() {
            Some(reason) => Ok(Err(reason)),
            None => self.store(&recorded).await,
        };
        let (config, head) = (&self.config, &self.head);
        let (policy, status) = (config.name(), head.status);
        match stored {
            Ok(Ok(())) => {
                let names = &head.vary.names;
                config
                    .family
                    .hints
                    .note(self.place.key.digest(), names, config.now());
                let bytes = usize::try_from(recorded.len).unwrap_or(usize::MAX);
                config
                    .family
                    .landings
                    .add(self.place.key.digest().as_bytes());
                config.tell(&Event::Stored { policy, bytes });
            }
            Ok(Err(reason)) => config.tell(&Event::NotStored {
                policy,
                status,
                reason,
            }),
            Err(error) => config.tell(&Event::StoreError { error: &error }),
        }
    }

    /// Looks once more, now that the body has ended.
    fn refusal(&self) -> Option<Reason> {
        let config = &self.config;
        let took = config
            .now()
            .as_micros()
            .saturating_sub(self.requested.as_micros());
        let is_purged = self.before.is_outdated(config)
            || !config
                .family
                .purging
                .admits(self.head.stamp, &self.head.tags);
        if self.marks.is_personal() {
            Some(Reason::Personal)
        } else if is_purged || u128::from(took) > LONGEST_FILL.as_micros() {
            Some(Reason::Purged)
        } else {
            None
        }
    }

    async fn store(&self, recorded: &Recorded) -> Result<Result<(), Reason>> {
        let (config, head) = (&self.config, &*self.head);
        let compressed = compress(config.compression(), &head.headers, &recorded.chunks);
        let compressed = compressed.as_ref().map(std::slice::from_ref);
        let part = Part {
            head,
            body: compressed.unwrap_or(&recorded.chunks),
            whole: compressed.map(|_| usize::try_from(recorded.len).unwrap_or(usize::MAX)),
            until: config.until(head),
            is_stale: false,
        };
        let terms = config.terms()?;
        let mut found = self.found.clone();
        for _ in 0..ATTEMPTS {
            let batch = plan::plan_commit(&self.place, &found, &part, &terms);
            if !plan::batch_fits(&config.store.limits(), &batch) {
                return Ok(Err(Reason::TooLarge));
            }
            let why = match config.store.write(&batch).await? {
                Written::Done(_) => return Ok(Ok(())),
                Written::Refused { why, .. } => why,
            };
            match plan::retry_after(&why, (&self.place, &found), head) {
                Some(then) => found = then,
                None => break,
            }
        }
        Ok(Err(Reason::Overtaken))
    }
}

/// How often a commit is tried that others have overtaken.
const ATTEMPTS: usize = 3;

impl OnEnd for Commit {
    fn complete(self: Box<Self>, recorded: Recorded) -> Option<Finish<()>> {
        let executor = self.config.executor.clone();
        Some(Finish::new(Box::pin(self.run(recorded)), executor))
    }

    fn discard(self: Box<Self>, why: Discarded) {
        // The next one that comes would be held up by the slowest of those who read.
        if let Some(leader) = self.leader.as_ref().filter(|_| why == Discarded::TooLarge) {
            leader.share_no_more(UNSHAREABLE, self.config.now());
        }
        let reason = match why {
            Discarded::TooLarge => Reason::TooLarge,
            Discarded::Trailers => Reason::Trailers,
            Discarded::Incomplete | Discarded::Failed | Discarded::Abandoned => Reason::Incomplete,
        };
        let (policy, status) = (self.config.name(), self.head.status);
        self.config.tell(&Event::NotStored {
            policy,
            status,
            reason,
        });
    }
}

impl Config {
    pub(super) fn place(&self, question: &Question) -> Place {
        Place {
            scope: self.policy.scope.clone(),
            key: question.key,
        }
    }

    async fn write_freshened(
        &self,
        place: &Place,
        found: &plan::Lookup,
        (old, head): (&Packed, &StoredHead),
    ) -> Result<()> {
        let until = self.until(head);
        let new = Freshened { head, until };
        let batch: Batch = plan::plan_freshen(place, found, (old, new), &self.terms()?);
        // Refused: somebody else has written meanwhile, and knows better.
        let _ = self.store.write(&batch).await?;
        self.family.landings.add(place.key.digest().as_bytes());
        Ok(())
    }

    pub(super) fn terms(&self) -> Result<Terms> {
        Ok(Terms {
            now: self.now(),
            cap: plan::DEFAULT_VARIANTS,
            generation: Generation::random()?,
        })
    }

    /// Returns until when a response is of any use.
    fn until(&self, head: &StoredHead) -> Timestamp {
        let now = self.now();
        let has_validator =
            head.headers.contains_key(ETAG) || head.headers.contains_key(LAST_MODIFIED);
        let keep = self.policy.policy.keep;
        now.after(head.freshness.keep_for(now, keep, has_validator))
    }

    fn compression(&self) -> Compression {
        match self.compress_from {
            Some(bytes) if !self.is_local => Compression::From(bytes),
            _ => Compression::Never,
        }
    }
}
