//! Which writes a fill or a purge of a key needs: pure, so that races are decided here and tried nowhere.
//!
//! A fill commits on condition that the base entry is as it was at lookup. So a purge, which puts a tombstone with a
//! generation of its own whatever is there, wins over every fill that began before it.

use std::time::Duration;

use super::{
    codec::{BaseParts, decode_base, encode_base, encode_variant},
    digest::Digest,
    entry::{Base, Generation, Inline, Packed, Part, VariantRef},
    key::CacheKey,
    stored::{StoredHead, Varied},
};
use crate::{
    store::{
        Batch, Change, Condition, Entry, Key, Limits, MAX_BATCH, Refusal, Scope, Version, Write,
    },
    time::Timestamp,
};

/// How many variants a key has. Beyond them the oldest are dropped.
pub(super) const DEFAULT_VARIANTS: usize = 8;

/// The longest time from lookup to commit that a purge is sure to win over: so long a tombstone lies. A fill that takes
/// longer must not be committed.
pub(super) const LONGEST_FILL: Duration = Duration::from_secs(10 * 60);

/// Where a key's entries are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) key: CacheKey,
}

impl Place {
    /// Returns where the base entry is.
    pub(super) fn base(&self) -> Key {
        self.scope.key(self.key.base_identifier())
    }

    /// Returns where a variant with an entry of its own is.
    pub(super) fn variant(&self, varied: &Varied) -> Key {
        self.scope.key(self.key.variant_identifier(varied))
    }
}

/// What was under the key of the base entry.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is the usual one, and a box would cost each lookup an allocation"
)]
pub(super) enum Lookup {
    Absent,
    /// Something that is no base entry of this key, and may be written over.
    Damaged(Version),
    Base(Base, Version),
}

impl Lookup {
    pub(super) fn of(entry: Option<&Entry>, key: &Digest) -> Self {
        match entry {
            None => Self::Absent,
            Some(entry) => match decode_base(entry.value(), key) {
                None => Self::Damaged(entry.version()),
                Some(base) => Self::Base(base, entry.version()),
            },
        }
    }

    fn condition(&self) -> Condition {
        match self {
            Self::Absent => Condition::Absent,
            Self::Damaged(version) | Self::Base(_, version) => {
                Condition::Unchanged(version.clone())
            }
        }
    }

    pub(super) fn newest_mut(&mut self) -> Option<&mut Packed> {
        match self {
            Self::Base(base, _) => base.newest.as_mut().map(|newest| &mut newest.packed),
            Self::Absent | Self::Damaged(_) => None,
        }
    }

    pub(super) const fn base(&self) -> Option<&Base> {
        match self {
            Self::Base(base, _) => Some(base),
            Self::Absent | Self::Damaged(_) => None,
        }
    }
}

/// What a commit goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) now: Timestamp,
    /// How many variants the key may have. At least one.
    pub(super) cap: usize,
    /// That of the base if there is none yet: a random one.
    pub(super) generation: Generation,
}

/// Returns the writes that make `new` the newest variant. The first is that of the base, and alone unless there are other
/// variants.
///
/// The newest variant so far moves to an entry of its own. A response without `Vary` replaces all, and is replaced by
/// each; what is of no use any more goes without a write.
pub(super) fn plan_commit(place: &Place, found: &Lookup, new: &Part<'_>, terms: &Terms) -> Batch {
    replace(place, found, (new, &new.head.vary), terms)
}

/// Returns the writes after a 304 (RFC 9111, section 4.3.4): `old` has the head of `new` from now on, and its body.
pub(super) fn plan_freshen(
    place: &Place,
    found: &Lookup,
    (old, new): (&Packed, Freshened<'_>),
    terms: &Terms,
) -> Batch {
    let part = Part {
        head: new.head,
        ..Part::of(old, new.until, false)
    };
    replace(place, found, (&part, &old.head.vary), terms)
}

/// What a 304 makes of a stored response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freshened<'a> {
    pub(super) head: &'a StoredHead,
    pub(super) until: Timestamp,
}

/// Returns the write of a purge, which is certain to win: whatever is there is gone, and so is what is being filled.
pub(super) fn plan_purge(place: &Place, random: Generation) -> Write {
    let tombstone = BaseParts {
        generation: random,
        soft_purges: 0,
        newest: None,
        others: &[],
    };
    Write::put(
        place.base(),
        encode_base(place.key.digest(), &tombstone),
        LONGEST_FILL,
    )
}

/// Returns the write of a soft purge: all variants are stale from now on, and stay for validation and for errors of the
/// service. Where there is nothing to keep, it is a [purge](plan_purge).
///
/// It is refused where a fill was faster: read the base and plan again.
pub(super) fn plan_soft_purge(place: &Place, found: &Lookup, terms: &Terms) -> Write {
    let Some((base, newest)) = found
        .base()
        .and_then(|base| Some((base, base.newest.as_ref()?)))
    else {
        return plan_purge(place, terms.generation).when(found.condition());
    };
    let mut others = base.others.clone();
    others.iter_mut().for_each(|other| other.is_stale = true);
    let parts = BaseParts {
        generation: base.generation,
        soft_purges: base.soft_purges.wrapping_add(1),
        newest: Some(Part::of(&newest.packed, newest.until, true)),
        others: &others,
    };
    put_base(place, &parts, terms.now).when(found.condition())
}

/// Returns what to plan a refused commit with once more, or `None` where the fill has lost: to a purge, hard or soft; to
/// one that filled a key which had nothing; to a response that was received later and answers the same requests.
pub(super) fn retry_after(
    refusal: &Refusal,
    (place, found): (&Place, &Lookup),
    new: &StoredHead,
) -> Option<Lookup> {
    let Refusal::Conflict(entry) = refusal else {
        return None;
    };
    let then = found.base()?;
    let now = Lookup::of(Some(entry), place.key.digest());
    let base = now.base()?;
    let is_life = then.generation == base.generation && then.soft_purges == base.soft_purges;
    let later = |varied: &Varied, received: Timestamp| {
        let is_rival = *varied == new.vary || varied.names.is_empty() || new.vary.names.is_empty();
        is_rival && received >= new.freshness.received
    };
    let newest = base.newest.as_ref().map(|newest| &newest.packed.head);
    let has_lost = newest.is_some_and(|head| later(&head.vary, head.freshness.received))
        || base
            .others
            .iter()
            .any(|other| later(&other.varied, other.received));
    (is_life && !has_lost).then_some(now)
}

/// Returns whether a store takes a value of that size. One that does not is not stored: the response is passed on, and
/// the entry that was there stays as it is.
pub(super) const fn fits(limits: &Limits, encoded_len: usize) -> bool {
    encoded_len <= limits.max_value
}

/// Returns whether a store takes all values of a batch.
pub(super) fn batch_fits(limits: &Limits, batch: &Batch) -> bool {
    batch.writes().iter().all(|write| match write.change() {
        Change::Put { value, .. } => fits(limits, value.len()),
        _ => true,
    })
}

/// Makes a response the newest, in the place of one variant.
fn replace(
    place: &Place,
    found: &Lookup,
    (new, replaced): (&Part<'_>, &Varied),
    terms: &Terms,
) -> Batch {
    let base = found.base();
    let is_for_all = new.head.vary.names.is_empty();
    let stays = |varied: &Varied, until: Timestamp| {
        let is_other = *varied != new.head.vary && varied != replaced;
        !is_for_all && is_other && !varied.names.is_empty() && until > terms.now
    };
    let moved = base.and_then(|base| base.newest.as_ref());
    let moved = moved.filter(|moved| stays(&moved.packed.head.vary, moved.until));
    let listed = base.map_or(&[][..], |base| &base.others);
    let (mut others, mut dropped): (Vec<_>, Vec<_>) = listed
        .iter()
        .cloned()
        .partition(|other| stays(&other.varied, other.until));
    // What the store has dropped by itself needs no write.
    dropped.retain(|other| other.until > terms.now);
    others.extend(moved.map(reference));
    others.sort_by_key(|other| std::cmp::Reverse(other.received));
    dropped.extend(others.drain(terms.cap.max(1).saturating_sub(1).min(others.len())..));
    let parts = BaseParts {
        generation: base.map_or(terms.generation, |base| base.generation),
        soft_purges: base.map_or(0, |base| base.soft_purges),
        newest: Some(*new),
        others: &others,
    };
    let first = put_base(place, &parts, terms.now).when(found.condition());
    let is_listed = |moved: &&Inline| {
        others
            .iter()
            .any(|other| other.varied == moved.packed.head.vary)
    };
    let own = moved
        .filter(is_listed)
        .map(|moved| put_own(place, &parts, moved, terms.now));
    // It has no entry of its own to be deleted.
    dropped.retain(|other| moved.is_none_or(|moved| other.varied != moved.packed.head.vary));
    let gone = deletes(place, &dropped);
    [first]
        .into_iter()
        .chain(own)
        .chain(gone)
        .take(MAX_BATCH)
        .collect()
}

fn reference(inline: &Inline) -> VariantRef {
    VariantRef::of(&inline.packed.head, inline.until, inline.is_stale)
}

/// Each once: a batch with two writes of a key is refused. Those beyond a batch end by themselves.
fn deletes(place: &Place, dropped: &[VariantRef]) -> Vec<Write> {
    let mut keys = Vec::new();
    for other in dropped {
        let key = place.variant(&other.varied);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().map(Write::delete).collect()
}

fn put_base(place: &Place, base: &BaseParts<'_>, now: Timestamp) -> Write {
    let newest = base.newest.iter().map(|newest| newest.until);
    let others = base.others.iter().map(|other| other.until);
    let until = newest.chain(others).max().unwrap_or(now);
    Write::put(
        place.base(),
        encode_base(place.key.digest(), base),
        ttl(until, now),
    )
    .exact()
}

fn put_own(place: &Place, base: &BaseParts<'_>, moved: &Inline, now: Timestamp) -> Write {
    let part = Part::of(&moved.packed, moved.until, moved.is_stale);
    let entry = encode_variant(place.key.digest(), &base.generation, &part);
    Write::put(
        place.variant(&moved.packed.head.vary),
        entry,
        ttl(moved.until, now),
    )
    .exact()
}

/// At least a millisecond: a store takes no less.
fn ttl(until: Timestamp, now: Timestamp) -> Duration {
    let micros = until.as_micros().saturating_sub(now.as_micros());
    Duration::from_micros(micros.max(1000))
}

#[cfg(test)]
mod tests;
