//! One check in progress: calls of the store whose failure is a violation, and what is expected of the answers.

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;

use super::{Fixture, Violation};
use crate::{
    quota::Quota,
    store::{
        Batch, Claim, Cursor, Decision, Decisions, Entry, Error, ErrorKind, Identifier, Key, Kind,
        Position, Purge, PurgeView, Purges, Refusal, Result, Scope, SharedStore, Spend, Store, Tag,
        Version, Write, Written,
    },
};

/// The time to live of what is not meant to end during a check.
pub(super) const TTL: Duration = Duration::from_secs(60);
/// The time to live of what is meant to end.
pub(super) const SHORT: Duration = Duration::from_millis(150);

#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    promise: &'static str,
    fixture: &'a Fixture,
}

impl<'a> Trial<'a> {
    pub(super) const fn new(promise: &'static str, fixture: &'a Fixture) -> Self {
        Self { promise, fixture }
    }

    pub(super) const fn store(&self) -> &'a SharedStore {
        self.fixture.store()
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.fixture.advance(time).await;
    }

    pub(super) fn scope(&self, kind: Kind) -> Scope {
        self.fixture.scope(kind)
    }

    /// Returns a key in a scope of its own.
    pub(super) fn key(&self, kind: Kind) -> Key {
        self.scope(kind).key("it")
    }

    /// Returns keys in one scope.
    pub(super) fn keys<const N: usize>(&self, kind: Kind) -> [Key; N] {
        let scope = self.scope(kind);
        std::array::from_fn(|number| scope.key(number.to_string()))
    }
}

/// What is expected.
impl Trial<'_> {
    pub(super) fn violated(&self, detail: impl Into<String>) -> Violation {
        Violation::new(self.promise, detail.into())
    }

    pub(super) fn holds(&self, holds: bool, otherwise: &str) -> Result<(), Violation> {
        if holds {
            Ok(())
        } else {
            Err(self.violated(otherwise))
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers compare what they have just made"
    )]
    pub(super) fn same<T: PartialEq + Debug>(
        &self,
        seen: T,
        expected: T,
        what: &str,
    ) -> Result<(), Violation> {
        if seen == expected {
            Ok(())
        } else {
            Err(self.violated(format!("{what}: {seen:?}, not {expected:?}")))
        }
    }

    pub(super) fn fails<T>(
        &self,
        result: Result<T>,
        kind: ErrorKind,
        what: &str,
    ) -> Result<(), Violation> {
        match result {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => Err(self
                .violated(format!("{what} fails otherwise than {kind:?}"))
                .with_source(error)),
            Ok(_) => Err(self.violated(format!("{what} succeeds, and is {kind:?}"))),
        }
    }

    pub(super) fn answered<T>(&self, result: Result<T>, call: &str) -> Result<T, Violation> {
        result.map_err(|error: Error| {
            self.violated(format!("{call} failed: {error}"))
                .with_source(error)
        })
    }
}

/// Reads and writes.
impl Trial<'_> {
    pub(super) async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, Violation> {
        let entries = self.answered(self.store().read(keys).await, "a read")?;
        Ok(entries.into_iter().collect())
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Entry>, Violation> {
        self.answered(self.store().get(key).await, "a read")
    }

    /// Reads an entry that must be there.
    pub(super) async fn entry(&self, key: &Key) -> Result<Entry, Violation> {
        let entry = self.get(key).await?;
        entry.ok_or_else(|| self.violated("an entry that was written is not there"))
    }

    /// Expects these values, read at once.
    pub(super) async fn finds<const N: usize>(
        &self,
        keys: [&Key; N],
        expected: [Option<&str>; N],
        what: &str,
    ) -> Result<(), Violation> {
        let entries = self.read(&keys.map(Key::clone)).await?;
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| entry.as_ref().map(Entry::value).cloned())
            .collect();
        self.same(
            seen,
            expected
                .map(|value| value.map(|value| Bytes::copy_from_slice(value.as_bytes())))
                .into(),
            what,
        )
    }

    pub(super) async fn write(&self, batch: impl Into<Batch>) -> Result<Written, Violation> {
        self.answered(self.store().write(&batch.into()).await, "a write")
    }

    pub(super) async fn done(
        &self,
        batch: impl Into<Batch>,
    ) -> Result<Vec<Option<Version>>, Violation> {
        match self.write(batch).await? {
            Written::Done(versions) => Ok(versions),
            Written::Refused { at, why } => {
                Err(self.violated(format!("a write was refused at {at}: {why:?}")))
            }
        }
    }

    pub(super) async fn refused(
        &self,
        batch: impl Into<Batch>,
        at: usize,
        why: Refusal,
        what: &str,
    ) -> Result<(), Violation> {
        self.same(self.write(batch).await?, Written::Refused { at, why }, what)
    }

    pub(super) async fn put(
        &self,
        key: &Key,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Version, Violation> {
        let versions = self.done(Write::put(key.clone(), value, ttl)).await?;
        let version = versions.into_iter().next().flatten();
        version.ok_or_else(|| self.violated("a put answered no version"))
    }

    pub(super) async fn increment(&self, key: &Key, by: i64) -> Result<i64, Violation> {
        self.answered(self.store().increment(key, by, TTL).await, "an increment")
    }

    /// Lists an index, page after page.
    pub(super) async fn pages(&self, index: &Key) -> Result<Vec<Vec<Identifier>>, Violation> {
        const MOST: usize = 64;
        let mut pages = Vec::new();
        let mut next = Some(Cursor::START);
        while let Some(cursor) = next {
            self.holds(pages.len() < MOST, "a listing does not end")?;
            let page = self.answered(self.store().members(index, cursor).await, "a listing")?;
            next = page.next;
            pages.push(page.identifiers);
        }
        Ok(pages)
    }

    pub(super) async fn members(&self, index: &Key) -> Result<Vec<Identifier>, Violation> {
        self.pages(index).await.map(|pages| pages.concat())
    }

    /// Expects these members, in any order.
    pub(super) async fn lists<const N: usize>(
        &self,
        index: &Key,
        expected: [&Key; N],
        what: &str,
    ) -> Result<(), Violation> {
        let members = self.members(index).await?;
        let all = expected
            .iter()
            .all(|key| members.contains(key.identifier()));
        self.holds(all && members.len() == N, what)
    }
}

/// Limits and logs.
impl Trial<'_> {
    pub(super) async fn acquire(&self, claims: &[Claim]) -> Result<Decisions, Violation> {
        let decisions = self.answered(self.store().acquire(claims).await, "an acquire")?;
        self.same(decisions.len(), claims.len(), "decisions of a call")?;
        Ok(decisions)
    }

    /// Spends by a single claim.
    pub(super) async fn spend(
        &self,
        key: &Key,
        quota: Quota,
        spend: Spend,
    ) -> Result<Decision, Violation> {
        let decisions = self
            .acquire(&[Claim::new(key.clone(), quota).spend(spend)])
            .await?;
        let decision = decisions.first().copied();
        decision.ok_or_else(|| self.violated("a claim has no decision"))
    }

    /// Returns how many units are left.
    pub(super) async fn left(&self, key: &Key, quota: Quota) -> Result<u32, Violation> {
        let decision = self.spend(key, quota, Spend::Peek(0)).await?;
        Ok(decision.remaining())
    }

    pub(super) async fn purge(&self, log: &Scope, tags: &[Tag]) -> Result<Position, Violation> {
        self.answered(self.store().purge(log, Purge::Tags(tags)).await, "a purge")
    }

    pub(super) async fn purges(
        &self,
        log: &Scope,
        since: Option<Position>,
    ) -> Result<Purges, Violation> {
        self.answered(self.store().purges(log, since).await, "a look at the log")
    }

    pub(super) async fn refresh(&self, view: &mut PurgeView, log: &Scope) -> Result<(), Violation> {
        self.answered(view.refresh(self.store(), log).await, "a look at the log")
    }
}
