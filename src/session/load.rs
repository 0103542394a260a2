//! How a session is read: once for a request, and only if somebody looks.

use std::{pin::pin, sync::Arc};

use super::{
    Event, Fingerprint,
    error::Result,
    lifetime::Standing,
    state::{Current, Phase, State, Turn, Work},
    token::Token,
};
use crate::store::{Entry, Identifier, Key, Store};

impl State {
    /// Reads the session, unless that has been done.
    ///
    /// A failure stays: what is asked later in the same request does not wait for the store once more.
    pub(super) async fn load(&self) -> Result<()> {
        let known = {
            let work = self.work();
            // What is being committed is neither queued any more nor known to be stored.
            (work.commits == 0).then(|| self.loaded(&work)).flatten()
        };
        if let Some(known) = known {
            return known;
        }
        let load = async {
            let turn = self.turn().await;
            self.load_in(&turn).await
        };
        // Whoever has the turn, and is not polled, holds nobody up for longer.
        let loaded = self.config.within_pinned(pin!(load)).await;
        loaded.inspect_err(|error| self.work().fail(error))
    }

    pub(super) async fn load_in(&self, _turn: &Turn<'_>) -> Result<()> {
        if let Some(known) = self.loaded(&self.work()) {
            return known;
        }
        let read = self.find().await;
        let mut work = self.work();
        match read {
            Ok(current) => {
                work.learn(current);
                work.phase = Phase::Read;
                Ok(())
            }
            Err(error) => {
                work.fail(&error);
                Err(error)
            }
        }
    }

    pub(super) fn loaded(&self, work: &Work) -> Option<Result<()>> {
        match &work.phase {
            Phase::Unread if self.presented.tokens().is_empty() => Some(Ok(())),
            Phase::Unread => None,
            Phase::Read => Some(Ok(())),
            Phase::Failed(error) => Some(Err(error.clone())),
        }
    }

    async fn find(&self) -> Result<Option<Arc<Current>>> {
        let [token] = self.presented.tokens() else {
            // Rare, and large.
            return Box::pin(self.find_among()).await;
        };
        let identifier = token.identifier();
        let read = self.config.store.get(&self.config.key(&identifier)).await;
        let entry = self.config.heard(read)?;
        self.judge(token, &identifier, entry.as_ref())
    }

    async fn find_among(&self) -> Result<Option<Arc<Current>>> {
        let tokens = self.presented.tokens();
        self.config.tell_with(|| Event::Duplicate {
            tokens: tokens.len(),
        });
        let identifiers: Vec<Identifier> = tokens.iter().map(Token::identifier).collect();
        let keys: Vec<Key> = identifiers
            .iter()
            .map(|each| self.config.key(each))
            .collect();
        let entries = self.config.heard(self.config.store.read(&keys).await)?;
        let mut live = Vec::new();
        let mut failed = None;
        for ((token, identifier), entry) in tokens.iter().zip(&identifiers).zip(entries) {
            match self.judge(token, identifier, entry.as_ref()) {
                Ok(current) => live.extend(current),
                Err(error) => failed = Some(error),
            }
        }
        match (live.is_empty(), failed) {
            (true, Some(error)) => Err(error),
            _ => Ok(choose(live)),
        }
    }

    /// Returns the session of an entry, if it is live.
    pub(super) fn judge(
        &self,
        token: &Token,
        identifier: &Identifier,
        entry: Option<&Entry>,
    ) -> Result<Option<Arc<Current>>> {
        let config = &self.config;
        let session = || Fingerprint::of(identifier);
        let Some(entry) = entry else {
            config.tell_with(|| Event::Unknown { session: session() });
            return Ok(None);
        };
        let record = match config.decode(identifier, entry.value()) {
            Ok(record) => record,
            Err(error) => {
                config.tell_with(|| Event::Corrupt { session: session() });
                return Err(error);
            }
        };
        let standing = config
            .lifetime_of(&record)
            .standing(&record.times, config.now());
        if let Standing::Live { touch_due } = standing {
            return Ok(Some(Arc::new(Current {
                token: token.clone(),
                identifier: identifier.clone(),
                version: entry.version(),
                record,
                is_touch_due: touch_due,
            })));
        }
        config.tell_with(|| Event::Expired {
            session: session(),
            idle: standing == Standing::Idle,
        });
        Ok(None)
    }
}

/// Chooses among several sessions: a client holds one, and the others were planted, or left behind by an older set-up.
///
/// The order of cookies says nothing, since whoever plants one chooses its path. One that is authenticated comes before
/// those that are not, the latest one first; if they are of different subjects, none is believed.
fn choose(mut live: Vec<Arc<Current>>) -> Option<Arc<Current>> {
    if live.len() > 1 {
        live.sort_by_key(|current| {
            let times = &current.record.times;
            (times.authenticated, times.touched, times.created)
        });
        let mut subjects = live
            .iter()
            .filter_map(|current| current.record.subject.as_deref());
        let first = subjects.next();
        if subjects.any(|subject| Some(subject) != first) {
            return None;
        }
    }
    live.pop()
}
