//! Batches: checked whole, then applied whole, with all their shards locked.

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    budget::Class,
    index::Index,
    record::{Record, Value},
    store::{Full, Inner, Shards, end},
    table::{Digest, Table},
};
use crate::store::{
    Batch, Change, Condition, Error, ErrorKind, Kind, Membership, Refusal, Result, Version, Write,
    Written,
};

impl Inner {
    pub(super) fn write(&self, batch: &Batch) -> Result<Written> {
        batch.validate()?;
        let now = self.now().as_micros();
        let plan = batch
            .writes()
            .iter()
            .map(|write| self.plan(write, now))
            .collect::<Result<Plan<'_>>>()?;
        let digests: SmallVec<[Digest; 4]> = plan
            .iter()
            .flat_map(|step| [Some(step.digest), step.index.map(|(index, _)| index)])
            .flatten()
            .collect();
        self.with_room(now, || {
            self.commit(&plan, &mut self.shards(&digests), now).map(Ok)
        })
    }

    /// Does what needs no lock: hashes, and copies the value, so that a slice of it does not keep a larger buffer alive;
    /// unless it is known to be no slice.
    fn plan<'a>(&self, write: &'a Write, now: u64) -> Result<Step<'a>> {
        let record = match write.change() {
            Change::Put { value, .. } if value.len() > self.max_value => {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    "a value beyond the limit of the store",
                ));
            }
            Change::Put { value, ttl } if write.is_exact() => Some((value.clone(), end(now, *ttl))),
            Change::Put { value, ttl } => Some((Bytes::copy_from_slice(value), end(now, *ttl))),
            Change::Delete => None,
        };
        let index = write
            .membership()
            .map(|membership| (membership.index().digest(), membership));
        let member_until = match (write.change(), write.membership()) {
            (Change::Put { ttl, .. }, Some(membership)) => end(now, membership.lasts(*ttl)),
            _ => 0,
        };
        let class = Class::of(write.key().scope().kind());
        Ok(Step {
            write,
            class,
            digest: write.key().digest(),
            record,
            index,
            member_until,
        })
    }

    fn commit(&self, plan: &Plan<'_>, shards: &mut Shards<'_>, now: u64) -> Result<Written, Full> {
        // Before anything is counted: what has expired is gone already.
        for step in plan {
            shards
                .of(step.digest)
                .records
                .sweep(step.class, self.account(step.class), now, 2);
            if let Some((index, _)) = step.index {
                self.prune(shards, index, now);
            }
        }
        for (at, step) in plan.iter().enumerate() {
            if let Some(why) = step.refusal(shards, now) {
                return Ok(Written::Refused { at, why });
            }
        }
        if let Some(at) = plan
            .iter()
            .position(|step| step.overfills(plan, shards, now))
        {
            return Ok(Written::Refused {
                at,
                why: Refusal::IndexFull,
            });
        }
        let growth = Class::ALL.map(|class| {
            (
                class,
                plan.iter().map(|step| step.growth(class, shards)).sum(),
            )
        });
        self.reserve(&growth)
            .map_err(|(class, bytes)| Full::new(class, bytes, plan))?;
        let versions = plan.iter().map(|step| step.apply(shards, now)).collect();
        self.release(&growth);
        Ok(Written::Done(versions))
    }

    fn prune(&self, shards: &mut Shards<'_>, index: Digest, now: u64) {
        let table = shards.of(index).records.of_mut(Class::Sessions);
        let Some(record) = table.find(index).map(|place| table.get_mut(place)) else {
            return;
        };
        let before = record.size();
        record.change_index(|index| index.prune(now));
        self.account(Class::Sessions)
            .release(before - record.size());
    }

    /// Takes the bytes of every class that grows, or none; then returns a class that is full.
    fn reserve(&self, growth: &[(Class, i64)]) -> Result<(), (Class, u64)> {
        for (at, (class, bytes)) in growth.iter().enumerate() {
            if !self
                .account(*class)
                .reserve(u64::try_from(*bytes).unwrap_or(0))
            {
                let taken = growth.iter().take(at);
                taken.for_each(|(class, bytes)| {
                    self.account(*class)
                        .release(u64::try_from(*bytes).unwrap_or(0));
                });
                return Err((*class, bytes.unsigned_abs()));
            }
        }
        Ok(())
    }

    fn release(&self, growth: &[(Class, i64)]) {
        growth
            .iter()
            .filter(|(_, bytes)| *bytes < 0)
            .for_each(|(class, bytes)| {
                self.account(*class).release(bytes.unsigned_abs());
            });
    }
}

impl Full {
    fn new(class: Class, bytes: u64, plan: &Plan<'_>) -> Self {
        let step = plan.iter().find(|step| step.class == class);
        let kind = step.map_or(Kind::Index, |step| step.write.key().scope().kind());
        Self { class, kind, bytes }
    }
}

type Plan<'a> = SmallVec<[Step<'a>; 2]>;

struct Step<'a> {
    write: &'a Write,
    class: Class,
    digest: Digest,
    // The value and its end; None for a delete.
    record: Option<(Bytes, u64)>,
    index: Option<(Digest, &'a Membership)>,
    // The end of a membership that begins.
    member_until: u64,
}

impl Step<'_> {
    fn refusal(&self, shards: &mut Shards<'_>, now: u64) -> Option<Refusal> {
        let current = shards
            .of(self.digest)
            .records
            .live(self.class, self.digest, now);
        match (self.write.condition(), current) {
            (Condition::Absent, Some(_)) => Some(Refusal::Exists),
            (Condition::Present | Condition::Unchanged(_), None) => Some(Refusal::Gone),
            (Condition::Unchanged(version), Some(record)) => {
                let entry = record.entry().ok()?;
                (entry.version() != *version).then_some(Refusal::Conflict(entry))
            }
            (Condition::Always | Condition::Absent, None)
            | (Condition::Always | Condition::Present, Some(_)) => None,
        }
    }

    /// Returns whether the whole batch lets the index grow beyond what it may have.
    fn overfills(&self, plan: &Plan<'_>, shards: &mut Shards<'_>, now: u64) -> bool {
        let Some((index, most)) = self
            .joins()
            .and_then(|(index, membership)| Some((index, membership.at_most()?)))
        else {
            return false;
        };
        let record = shards.of(index).records.live(Class::Sessions, index, now);
        let members = record.and_then(Record::index);
        let is_member = |step: &Step<'_>| {
            members.is_some_and(|members| members.contains(step.write.key().identifier(), now))
        };
        let others = plan
            .iter()
            .filter(|step| step.index.is_some_and(|(other, _)| other == index));
        let (joins, leaves): (Vec<_>, Vec<_>) = others.partition(|step| step.record.is_some());
        let left = leaves.into_iter().filter(|step| is_member(step)).count();
        let joined = joins.into_iter().filter(|step| !is_member(step)).count();
        let before = members.map_or(0, |members| members.count(now));
        joined > left && before + joined - left > most as usize
    }

    fn joins(&self) -> Option<(Digest, &Membership)> {
        self.index.filter(|_| self.record.is_some())
    }

    /// Returns by how many bytes a class grows at most.
    fn growth(&self, class: Class, shards: &mut Shards<'_>) -> i64 {
        let mut bytes = 0;
        if self.class == class {
            let new = self
                .record
                .as_ref()
                .map_or(0, |(value, _)| Record::size_with(value.len()));
            bytes += new as i64 - shards.of(self.digest).records.size(class, self.digest) as i64;
        }
        if class == Class::Sessions {
            bytes += self
                .index
                .map_or(0, |(index, _)| self.index_growth(index, shards));
        }
        bytes
    }

    fn index_growth(&self, index: Digest, shards: &mut Shards<'_>) -> i64 {
        let table = shards.of(index).records.of(Class::Sessions);
        let members = table.find(index).and_then(|place| table.get(place).index());
        let member =
            members.is_some_and(|members| members.contains(self.write.key().identifier(), 0));
        match (self.record.is_some(), member) {
            (true, false) => Index::MEMBER as i64,
            (false, true) => -(Index::MEMBER as i64),
            _ => 0,
        }
    }

    fn apply(&self, shards: &mut Shards<'_>, now: u64) -> Option<Version> {
        if let Some((index, _)) = self.index {
            self.apply_to_index(shards.of(index).records.of_mut(Class::Sessions), index, now);
        }
        let table = shards.of(self.digest).records.of_mut(self.class);
        if let Some((value, expires)) = &self.record {
            table.insert(
                self.digest,
                Record {
                    value: Value::Bytes(value.clone()),
                    expires: *expires,
                    used: now,
                },
            );
            return Some(Version::new(value.clone()));
        }
        if let Some(place) = table.find(self.digest) {
            table.remove(place);
        }
        None
    }

    fn apply_to_index(&self, table: &mut Table<Record>, index: Digest, now: u64) {
        let (member, end) = (self.write.key().identifier(), self.member_until);
        let (joins, place) = (self.record.is_some(), table.find(index));
        match (joins, place.map(|place| table.get_mut(place))) {
            (true, Some(record)) => {
                record.change_index(|index| index.join(member.clone(), end));
            }
            (true, None) => {
                let mut members = Index::default();
                members.join(member.clone(), end);
                table.insert(
                    index,
                    Record {
                        value: Value::Index(members),
                        expires: end,
                        used: now,
                    },
                );
            }
            (false, Some(record)) => record.change_index(|index| index.leave(member)),
            (false, None) => {}
        }
    }
}
