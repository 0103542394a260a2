//! What an index names, and what is stored there.

use std::{future::poll_fn, task::Poll};

use super::super::{Event, Fingerprint, config::Config, error::Result, record::Record};
use crate::store::{
    self, Batch, Condition, Cursor, Entry, ErrorKind, Identifier, Key, MAX_BATCH, MAX_READ, Store,
    Version, Write, Written, together,
};

const MOST_PAGES: usize = 10;
/// The most members of an index that we look at.
pub(super) const MOST: usize = MOST_PAGES * 100;

/// The members of an index, each once.
pub(super) struct Listing {
    pub(super) identifiers: Vec<Identifier>,
    /// Whether these are all members that there were at one instant.
    pub(super) is_exact: bool,
    /// Whether there were no more than we look at.
    pub(super) is_complete: bool,
}

/// Lists an index. One trip for each hundred members.
pub(super) async fn listing(config: &Config, index: &Key) -> Result<Listing> {
    let mut identifiers = Vec::new();
    let mut next = Some(Cursor::START);
    let mut pages = 0;
    while let Some(cursor) = next
        && pages < MOST_PAGES
    {
        let page = config.heard(config.store.members(index, cursor).await)?;
        identifiers.extend(page.identifiers);
        next = page.next;
        pages += 1;
    }
    // Pages may repeat a member, and a batch must not.
    identifiers.sort_unstable();
    identifiers.dedup();
    Ok(Listing {
        identifiers,
        is_exact: pages == 1 && next.is_none(),
        is_complete: next.is_none(),
    })
}

/// A member of an index.
pub(super) struct Member {
    pub(super) identifier: Identifier,
    pub(super) found: Found,
}

/// What is stored where a member should be.
pub(super) enum Found {
    Gone,
    Corrupt,
    Record(Version, Box<Record>),
}

impl Found {
    pub(super) fn into_record(self) -> Option<Box<Record>> {
        match self {
            Self::Record(_, record) => Some(record),
            Self::Gone | Self::Corrupt => None,
        }
    }
}

/// Reads members. One trip. What is corrupt is told, and is no error.
pub(super) async fn read(config: &Config, identifiers: Vec<Identifier>) -> Result<Vec<Member>> {
    let keys: Vec<Key> = identifiers.iter().map(|each| config.key(each)).collect();
    let chunks = keys.chunks(MAX_READ).map(|keys| entries(config, keys));
    let mut stored = Vec::with_capacity(keys.len());
    for chunk in together(all(chunks)).await {
        stored.extend(config.heard(chunk)?);
    }
    let members = identifiers.into_iter().zip(stored);
    Ok(members
        .map(|(identifier, stored)| Member {
            found: found(config, &identifier, stored),
            identifier,
        })
        .collect())
}

enum Stored {
    Nothing,
    Foreign,
    Entry(Entry),
}

/// Reads a chunk; each key for itself where one of them holds what is no value, and hides the others.
async fn entries(config: &Config, keys: &[Key]) -> store::Result<Vec<Stored>> {
    match config.store.read(keys).await {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let each = keys.iter().map(|key| async move {
                match config.store.get(key).await {
                    Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Stored::Foreign),
                    entry => entry.map(stored),
                }
            });
            together(all(each)).await.into_iter().collect()
        }
        entries => Ok(entries?.into_iter().map(stored).collect()),
    }
}

fn stored(entry: Option<Entry>) -> Stored {
    entry.map_or(Stored::Nothing, Stored::Entry)
}

fn found(config: &Config, identifier: &Identifier, stored: Stored) -> Found {
    let record = match stored {
        Stored::Nothing => return Found::Gone,
        Stored::Foreign => None,
        Stored::Entry(entry) => config
            .decode(identifier, entry.value())
            .ok()
            .map(|record| Found::Record(entry.version(), Box::new(record))),
    };
    record.unwrap_or_else(|| {
        let session = Fingerprint::of(identifier);
        config.tell(&Event::Corrupt { session });
        Found::Corrupt
    })
}

/// Deletes what may be many, in one trip, and tells what is deleted.
pub(super) async fn delete(
    config: &Config,
    writes: Vec<Write>,
    event: Option<fn(Fingerprint) -> Event<'static>>,
) -> Result<()> {
    let batches: Vec<Batch> = writes
        .chunks(MAX_BATCH)
        .map(|chunk| chunk.iter().cloned().collect())
        .collect();
    let answers = all(batches.iter().map(|batch| config.store.write(batch)));
    let mut outcome = Ok(());
    for (batch, answer) in batches.iter().zip(together(answers).await) {
        match (config.heard(answer), event) {
            (Ok(Written::Done(_)), Some(event)) => batch.writes().iter().for_each(|write| {
                config.tell(&event(Fingerprint::of(write.key().identifier())));
            }),
            (Ok(_), _) => {}
            (Err(error), _) => outcome = Err(error),
        }
    }
    outcome
}

/// Waits for all, and polls all that are left each time: what they ask leaves together.
async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let futures = futures.into_iter().map(|future| (Box::pin(future), None));
    let mut futures: Vec<_> = futures.collect();
    poll_fn(|cx| {
        let mut is_done = true;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    futures
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

/// Takes those out of the index that are gone for good: no token comes back. That it fails is no matter.
pub(super) async fn prune(config: &Config, index: &Key, members: &[Member]) {
    let gone = members
        .iter()
        .filter(|member| matches!(member.found, Found::Gone));
    let writes: Vec<_> = gone
        .map(|member| {
            // A read that lags behind the listing must not end what is new.
            let write = Write::delete(config.key(&member.identifier)).when(Condition::Absent);
            write.member_of(index.clone())
        })
        .collect();
    if !writes.is_empty() {
        let _ = delete(config, writes, None).await;
    }
}
