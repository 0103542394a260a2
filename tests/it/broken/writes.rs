//! Faults of writes.

use std::time::Duration;

use bytes::Bytes;
use tower_upstash::{
    store::{
        Batch, Change, Condition, Cursor, Error, ErrorKind, Identifier, Key, MAX_TTL, Refusal,
        Result, Store, Version, Write, Written,
    },
    time::Timestamp,
};

use super::{Broken, Fault};

/// A write, taken apart.
#[derive(Clone)]
struct Parts {
    key: Key,
    put: Option<(Bytes, Duration)>,
    condition: Condition,
    index: Option<Key>,
    at_most: Option<u32>,
    lasts: Option<Duration>,
}

impl Broken {
    pub(super) async fn faulty_write(&self, batch: &Batch) -> Result<Written> {
        let mut parts: Vec<_> = batch
            .writes()
            .iter()
            .map(|write| self.parts(write))
            .collect();
        match self.fault {
            Fault::RefusesEmptyCalls if parts.is_empty() => {
                return Err(Error::new(ErrorKind::Invalid, "nothing to write"));
            }
            Fault::OverflowsOnLongLives if parts.iter().any(|part| part.ttl() > MAX_TTL) => {
                return Err(Error::new(ErrorKind::Invalid, "lives too long"));
            }
            Fault::TakesAnyKind if parts.iter().any(|part| self.takes_anyway(&part.key)) => {
                return Ok(Written::Done(vec![None; parts.len()]));
            }
            Fault::ForgetsTheLastWrite if parts.len() > 1 => {
                return self.all_but_last(&parts).await;
            }
            Fault::LetsTheLastWriteWin => {
                let all = parts.clone();
                let last = |part: &Parts| all.iter().rfind(|each| each.key == part.key).cloned();
                parts = parts.iter().filter_map(last).collect();
                parts.dedup_by(|one, other| one.key == other.key);
            }
            Fault::KnowsNoMost if parts.len() > 16 => return self.one_by_one(&parts).await,
            Fault::WritesUntilRefused => return self.one_by_one(&parts).await,
            Fault::WorksInSteps => return self.in_steps(&parts).await,
            Fault::ChecksThenWrites => return self.check_then_write(&parts).await,
            _ => {}
        }
        let asked = parts.clone();
        for part in &mut parts {
            self.edit(part).await?;
        }
        self.loosen(&mut parts).await?;
        if let Some(at) = self.overfilled(&parts).await? {
            let why = Refusal::IndexFull;
            return Ok(Written::Refused { at, why });
        }
        let written = self.inner.write(&whole(&parts)).await?;
        if written.is_done() {
            self.note(&asked);
        }
        Ok(self.told(written, parts.len()))
    }

    fn parts(&self, write: &Write) -> Parts {
        let membership = write.membership();
        Parts {
            key: self.key(write.key()),
            put: match write.change() {
                Change::Put { value, ttl } => Some((value.clone(), *ttl)),
                _ => None,
            },
            condition: write.condition().clone(),
            index: membership.map(|membership| self.key(membership.index())),
            at_most: membership.and_then(|membership| membership.at_most()),
            lasts: membership.and_then(|membership| membership.ttl()),
        }
    }

    /// Changes what is written, or when.
    async fn edit(&self, part: &mut Parts) -> Result<()> {
        let is_put = part.put.is_some();
        match (self.fault, &part.condition) {
            (Fault::IgnoresAbsent, Condition::Absent)
            | (Fault::IgnoresPresent, Condition::Present)
            | (Fault::IgnoresUnchanged, Condition::Unchanged(_)) => {
                part.condition = Condition::Always;
            }
            (Fault::NeverOverwrites, Condition::Always) if is_put => {
                part.condition = Condition::Absent;
            }
            (Fault::DeletesOnlyWhatIsThere, Condition::Always) if !is_put => {
                part.condition = Condition::Present;
            }
            (Fault::BringsBackTheDeleted, Condition::Unchanged(_)) => {
                let entries = self.inner.read(std::slice::from_ref(&part.key)).await?;
                if entries.into_first().is_none() {
                    part.condition = Condition::Always;
                }
            }
            (Fault::ForgetsIndexes, _) => part.index = None,
            (Fault::NeverLeavesIndexes, _) if !is_put => part.index = None,
            (Fault::ForgetsTheMost, _) => part.at_most = None,
            (Fault::EndsMembershipsWithEntries, _) => part.lasts = None,
            (Fault::KeepsMembershipsForLong, _) if part.lasts.is_some() => {
                part.lasts = Some(MAX_TTL);
            }
            (Fault::LetsOnlyTheLivingLeave, _) if !is_put => {
                let entries = self.inner.read(std::slice::from_ref(&part.key)).await?;
                if entries.into_first().is_none() {
                    part.index = None;
                }
            }
            _ => {}
        }
        if let Some((value, ttl)) = part.put.take() {
            let ttl = self.edited_ttl(&part.key, ttl);
            part.put = Some((self.edited_value(value), ttl));
        }
        Ok(())
    }

    fn edited_value(&self, value: Bytes) -> Bytes {
        match self.fault {
            Fault::KeepsText => String::from_utf8_lossy(&value).into_owned().into(),
            Fault::CutsLargeValues => value.slice(..value.len().min(1000)),
            _ => value,
        }
    }

    fn edited_ttl(&self, key: &Key, ttl: Duration) -> Duration {
        match self.fault {
            Fault::NeverExpires | Fault::DeletesLate => Duration::MAX,
            Fault::TakesZeroAsForever if ttl.is_zero() => Duration::MAX,
            Fault::ExpiresEarly => ttl.div_f64(20.0).max(Duration::from_millis(1)),
            Fault::KeepsTheFirstLife if !self.has_ended(key) => {
                let end = self.notes().ends.get(&key.to_text()).copied();
                end.map_or(ttl, |end| until(self.now(), end))
            }
            _ => ttl,
        }
    }

    /// Lets more join an index than may.
    async fn loosen(&self, parts: &mut [Parts]) -> Result<()> {
        let leaves = parts.iter().filter(|part| part.put.is_none()).count() as u32;
        for part in parts {
            let (Some(index), Some(most)) = (&part.index, part.at_most) else {
                continue;
            };
            part.at_most = match self.fault {
                Fault::CountsEveryLeave => Some(most + leaves),
                Fault::ChecksEachJoinAlone if self.listed(index).await?.len() < most as usize => {
                    None
                }
                _ => Some(most),
            };
        }
        Ok(())
    }

    /// Returns the first write that a wrong count refuses.
    async fn overfilled(&self, parts: &[Parts]) -> Result<Option<usize>> {
        for (at, part) in parts.iter().enumerate() {
            let (Some(index), Some(most), Some(_)) = (&part.index, part.at_most, &part.put) else {
                continue;
            };
            let members = self.listed(index).await?;
            let stranger = !members.contains(part.key.identifier());
            let count = match self.fault {
                Fault::CountsJoinsFirst => members.len() + usize::from(stranger),
                Fault::CountsMembersAgain => members.len() + 1,
                Fault::CountsTheDead => self.joined(index).len() + usize::from(stranger),
                _ => 0,
            };
            if count > most as usize {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    async fn listed(&self, index: &Key) -> Result<Vec<Identifier>> {
        let members = self.inner.members(index, Cursor::START).await?;
        Ok(members.identifiers)
    }

    /// Remembers ends and joins.
    fn note(&self, parts: &[Parts]) {
        let (now, mut notes) = (self.now(), self.notes());
        for part in parts {
            let end = now.after(part.ttl());
            notes.ends.insert(part.key.to_text(), end);
            let Some(index) = part.index.as_ref().map(Key::to_text) else {
                if self.fault == Fault::PutsTakeOutOfIndexes {
                    let joined = notes.joined.values_mut();
                    joined.for_each(|members| members.retain(|each| each != part.key.identifier()));
                }
                continue;
            };
            let member = part.key.identifier();
            let joined = notes.joined.entry(index.clone()).or_default();
            joined.retain(|each| each != member);
            if part.put.is_some() {
                joined.push(member.clone());
                notes.ends.insert(index, end);
            }
        }
    }

    fn told(&self, written: Written, writes: usize) -> Written {
        match (self.fault, written) {
            (Fault::AnswersOtherVersions, Written::Done(versions)) => {
                let other = |_| Version::new(Bytes::from_static(b"other"));
                Written::Done(
                    versions
                        .into_iter()
                        .map(|version| version.map(other))
                        .collect(),
                )
            }
            (Fault::BlamesTheLastWrite, Written::Refused { why, .. }) => {
                let at = writes - 1;
                Written::Refused { at, why }
            }
            (
                Fault::ForgetsTheCurrentEntry,
                Written::Refused {
                    at,
                    why: Refusal::Conflict(_),
                },
            ) => {
                let why = Refusal::Gone;
                Written::Refused { at, why }
            }
            (_, written) => written,
        }
    }

    async fn all_but_last(&self, parts: &[Parts]) -> Result<Written> {
        let (_, parts) = parts.split_last().unwrap();
        Ok(match self.inner.write(&whole(parts)).await? {
            Written::Done(versions) => Written::Done(versions.into_iter().chain([None]).collect()),
            refused @ Written::Refused { .. } => refused,
        })
    }

    async fn one_by_one(&self, parts: &[Parts]) -> Result<Written> {
        let mut versions = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            match self.inner.write(&part.write().into()).await? {
                Written::Done(version) => versions.extend(version),
                Written::Refused { why, .. } => return Ok(Written::Refused { at, why }),
            }
        }
        Ok(Written::Done(versions))
    }

    /// First each entry, then its membership.
    async fn in_steps(&self, parts: &[Parts]) -> Result<Written> {
        for part in parts {
            let mut alone = part.clone();
            alone.index = None;
            let _ = self.inner.write(&alone.write().into()).await?;
            tokio::task::yield_now().await;
        }
        self.inner.write(&whole(parts)).await
    }

    async fn check_then_write(&self, parts: &[Parts]) -> Result<Written> {
        let mut after = parts.to_vec();
        for (at, part) in after.iter_mut().enumerate() {
            let entries = self.inner.read(std::slice::from_ref(&part.key)).await?;
            let why = match (&part.condition, entries.into_first()) {
                (Condition::Absent, Some(_)) => Some(Refusal::Exists),
                (Condition::Present | Condition::Unchanged(_), None) => Some(Refusal::Gone),
                (Condition::Unchanged(version), Some(entry)) if entry.version() != *version => {
                    Some(Refusal::Conflict(entry))
                }
                _ => None,
            };
            if let Some(why) = why {
                return Ok(Written::Refused { at, why });
            }
            part.condition = Condition::Always;
            tokio::task::yield_now().await;
        }
        self.inner.write(&whole(&after)).await
    }
}

impl Parts {
    fn ttl(&self) -> Duration {
        self.put.as_ref().map_or(Duration::ZERO, |(_, ttl)| *ttl)
    }

    fn write(&self) -> Write {
        let write = match self.put.clone() {
            Some((value, ttl)) => Write::put(self.key.clone(), value, ttl),
            None => Write::delete(self.key.clone()),
        };
        let write = write.when(self.condition.clone());
        let write = match self.lasts {
            Some(lasts) => write.membership_ttl(lasts),
            None => write,
        };
        match (self.index.clone(), self.at_most) {
            (Some(index), Some(most)) => write.member_of_at_most(index, most),
            (Some(index), None) => write.member_of(index),
            (None, _) => write,
        }
    }
}

fn whole(parts: &[Parts]) -> Batch {
    parts.iter().map(Parts::write).collect()
}

fn until(now: Timestamp, end: Timestamp) -> Duration {
    Duration::from_micros(end.as_micros().saturating_sub(now.as_micros()))
}
