//! What the store has for a request, and what may be done with it.

use std::{mem, result::Result as StdResult};

use http::{HeaderMap, Response};
use smallvec::SmallVec;

use super::{
    ResponseBody,
    answer::How,
    codec::decode_variant,
    config::Config,
    entry::{Packed, Selected},
    plan,
    purges::Trip,
    question::Question,
    semantics::{cache_status::FwdReason, validation, vary},
    stored::{Stored, Varied},
};
use crate::{
    join::join,
    store::{Entries, Error, Key, Result, Stamp, Store, together},
    time::Timestamp,
};

/// What a look into the store has found.
pub(super) struct Lookup {
    pub(super) now: Timestamp,
    /// What was stored in this process before.
    pub(super) landings: u64,
    base: plan::Lookup,
    /// What the filler knows of the purge log.
    pub(super) stamp: Option<Stamp>,
    found: Found,
    /// The variant was purged softly: it is stale whatever its head says.
    is_stale: bool,
}

enum Found {
    Nothing,
    // In the base.
    Inline,
    Other(Box<Packed>),
}

/// What may be done with what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is an answer.
    Fresh,
    /// It is an answer while it is validated.
    WhileRevalidating,
    /// It may be used if the service agrees.
    Validate,
    /// There is nothing for the request.
    Miss(FwdReason),
}

/// The beginning of a lookup, made without waiting.
pub(super) enum Begun<B> {
    Answered(Response<ResponseBody<B>>),
    Looked(Box<Lookup>),
    /// The store could not be asked.
    Failed(Error),
    /// The store has to wait.
    Ahead,
}

/// What is read at once: the base, and the variant that the request will likely want.
struct Reading {
    keys: SmallVec<[Key; 2]>,
    hinted: Option<Varied>,
    landings: u64,
}

impl Config {
    /// Asks a store that answers at once, and answers if that is an answer.
    pub(super) fn begin<B>(&self, question: &Question, headers: &HeaderMap) -> Begun<B> {
        let now = self.now();
        let reading = self.reading(question, headers, now);
        let mut entries = Entries::new();
        match self.read_at_once(question, &reading, &mut entries, now) {
            None => return Begun::Ahead,
            Some(Err(error)) => return Begun::Failed(error),
            Some(Ok(())) => {}
        }
        if let Some(Some(entry)) = entries.first() {
            let found = (entry.value(), reading.hinted.as_ref());
            if let Some(response) = self.answer_known(question, headers, found, now) {
                return Begun::Answered(response);
            }
        }
        self.begin_unknown(question, headers, (&reading, entries), now)
    }

    #[inline(never)] // a lookup is large
    fn begin_unknown<B>(
        &self,
        question: &Question,
        headers: &HeaderMap,
        (reading, mut entries): (&Reading, Entries),
        now: Timestamp,
    ) -> Begun<B> {
        let mut lookup = Lookup::nothing(now, reading.landings, self.family.purging.stamp());
        if let Some((key, varied)) = lookup.take_in(self, question, headers, reading, &entries) {
            entries.clear();
            match self.store.try_read(&[key], &mut entries) {
                None => return Begun::Ahead,
                Some(Err(error)) => return Begun::Failed(error),
                Some(Ok(())) => lookup.take_variant(question, &varied, &entries),
            }
        }
        lookup.end_if_stale();
        if self.is_behind(&lookup) {
            return Begun::Ahead; // it polls
        }
        if lookup.verdict(self, question) != Verdict::Fresh {
            return Begun::Looked(Box::new(lookup));
        }
        if let (Found::Inline, Some(Some(entry))) = (&lookup.found, entries.first())
            && let Some(packed) = lookup.packed()
        {
            self.remember(question.key.digest(), entry.value(), packed, now);
        }
        match lookup.into_stored(self) {
            Ok(stored) => Begun::Answered(self.hit(question, headers, stored, How::HIT, now)),
            Err(lookup) => Begun::Looked(lookup),
        }
    }

    /// Reads, and polls where it is due. `None`: the store has to wait.
    fn read_at_once(
        &self,
        question: &Question,
        reading: &Reading,
        entries: &mut Entries,
        now: Timestamp,
    ) -> Option<Result<()>> {
        let purging = &self.family.purging;
        if purging.owes() || self.family.debts.of(question.key.digest()).is_some() {
            return None;
        }
        if let Err(error) = self.store.try_read(&reading.keys, entries)? {
            return Some(Err(error));
        }
        match purging.due(now, self.purge_lag) {
            None => Some(Ok(())),
            Some(poll) => purging.poll_at_once(&self.store, &poll),
        }
    }

    /// Asks the store: one trip, or two where the variant was not foreseen or a lag has hidden that all was purged.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn look_up(&self, question: &Question, headers: &HeaderMap) -> Result<Lookup> {
        let lookup = self.look_up_once(question, headers).await?;
        if self.is_behind(&lookup) {
            return self.look_up_once(question, headers).await;
        }
        Ok(lookup)
    }

    async fn look_up_once(&self, question: &Question, headers: &HeaderMap) -> Result<Lookup> {
        let now = self.now();
        let purging = &self.family.purging;
        if let Some(Err(error)) = purging.retry(&self.store).await {
            return Err(error);
        }
        if let Some(debt) = self.family.debts.of(question.key.digest()) {
            self.pay(&[debt]).await?;
        }
        let reading = self.reading(question, headers, now);
        let entries = match purging.due(now, self.purge_lag) {
            None => self.store.read(&reading.keys).await?,
            Some(poll) => {
                let read = self.store.read(&reading.keys);
                let (read, poll) = together(join(read, purging.poll(&self.store, &poll))).await;
                match Trip::of(&read, Some(&poll)) {
                    Trip::Usable => read?,
                    Trip::PassThrough => {
                        let error = read.err().or(poll.err());
                        return Err(error.unwrap_or_else(|| Error::invalid("nothing is said")));
                    }
                }
            }
        };
        let mut lookup = Lookup::nothing(now, reading.landings, purging.stamp());
        if let Some((key, varied)) = lookup.take_in(self, question, headers, &reading, &entries) {
            let hints = &self.family.hints;
            hints.note(question.key.digest(), &varied.names, now);
            let entries = self.store.read(&[key]).await?;
            lookup.take_variant(question, &varied, &entries);
        }
        lookup.end_if_stale();
        Ok(lookup)
    }

    /// Returns whether everything was purged since the last poll, as what was found tells. Then the next look polls.
    fn is_behind(&self, lookup: &Lookup) -> bool {
        let stamp = lookup.packed().and_then(|packed| packed.head.stamp);
        !self.purge_lag.is_zero() && self.family.purging.is_behind(stamp)
    }

    fn reading(&self, question: &Question, headers: &HeaderMap, now: Timestamp) -> Reading {
        let scope = &self.policy.scope;
        let mut keys = SmallVec::new();
        keys.push(scope.key(question.key.base_identifier()));
        let hint = self.family.hints.find(question.key.digest(), now);
        let hinted = hint.map(|names| Varied {
            values: vary::digest_for(&names, headers, &self.policy.normalise),
            names: names.to_vec(),
        });
        if let Some(varied) = &hinted {
            keys.push(scope.key(question.key.variant_identifier(varied)));
        }
        Reading {
            keys,
            hinted,
            landings: self.family.landings.count(question.key.digest()),
        }
    }
}

impl Lookup {
    const fn nothing(now: Timestamp, landings: u64, stamp: Option<Stamp>) -> Self {
        Self {
            now,
            landings,
            base: plan::Lookup::Absent,
            stamp,
            found: Found::Nothing,
            is_stale: false,
        }
    }

    /// Takes in what was read. Returns the entry to read next, where the variant has one of its own that was not foreseen.
    fn take_in(
        &mut self,
        config: &Config,
        question: &Question,
        headers: &HeaderMap,
        reading: &Reading,
        entries: &Entries,
    ) -> Option<(Key, Varied)> {
        let mut entries = entries.iter();
        let entry = entries.next()?.as_ref();
        self.base = plan::Lookup::of(entry, question.key.digest());
        let base = self.base.base()?;
        let normalise = &config.policy.normalise;
        let selected = base.select(|names, values| {
            names.is_empty() || vary::digests_for(names, headers, normalise).contains(values)
        });
        let mut next = None;
        match selected {
            Selected::None => {}
            Selected::Inline(inline) => {
                self.is_stale = inline.is_stale;
                self.found = Found::Inline;
            }
            Selected::Other(other) => {
                self.is_stale = other.is_stale;
                if reading.hinted.as_ref() == Some(&other.varied) {
                    let entry = entries.next().and_then(Option::as_ref);
                    let packed = entry.and_then(|entry| {
                        let digest = question.key.digest();
                        decode_variant(entry.value(), digest, &base.generation, &other.varied)
                    });
                    self.found =
                        packed.map_or(Found::Nothing, |packed| Found::Other(Box::new(packed)));
                } else {
                    let identifier = question.key.variant_identifier(&other.varied);
                    next = Some((config.policy.scope.key(identifier), other.varied.clone()));
                }
            }
        }
        next
    }

    fn take_variant(&mut self, question: &Question, varied: &Varied, entries: &Entries) {
        let Some(base) = self.base.base() else { return };
        let entry = entries.iter().next().and_then(Option::as_ref);
        let packed = entry.and_then(|entry| {
            decode_variant(
                entry.value(),
                question.key.digest(),
                &base.generation,
                varied,
            )
        });
        if let Some(packed) = packed {
            self.found = Found::Other(Box::new(packed));
        }
    }

    /// What was purged softly ends now: only what may be used when it has ended still is.
    fn end_if_stale(&mut self) {
        if !self.is_stale {
            return;
        }
        let packed = match &mut self.found {
            Found::Nothing => None,
            Found::Inline => self.base.newest_mut(),
            Found::Other(packed) => Some(&mut **packed),
        };
        if let Some(packed) = packed {
            packed.head.freshness = packed.head.freshness.ended(self.now);
        }
    }

    pub(super) const fn base(&self) -> &plan::Lookup {
        &self.base
    }

    pub(super) fn into_base(self) -> plan::Lookup {
        self.base
    }

    /// Returns the variant that answers the request, whether or not it may be used.
    pub(super) fn packed(&self) -> Option<&Packed> {
        match &self.found {
            Found::Nothing => None,
            Found::Inline => {
                let newest = self.base.base().and_then(|base| base.newest.as_ref());
                newest.map(|inline| &inline.packed)
            }
            Found::Other(packed) => Some(packed),
        }
    }

    /// Returns the variant that this request may have.
    pub(super) fn usable(&self, config: &Config, question: &Question) -> Option<&Packed> {
        self.packed()
            .filter(|packed| allows(config, question, packed))
    }

    pub(super) fn verdict(&self, config: &Config, question: &Question) -> Verdict {
        let Some(packed) = self.usable(config, question) else {
            let has_others = self.base.base().is_some_and(|base| base.newest.is_some());
            return Verdict::Miss(match self.packed() {
                None if has_others => FwdReason::VaryMiss,
                _ => FwdReason::UriMiss,
            });
        };
        let freshness = &packed.head.freshness;
        if !self.is_stale && question.accepts(freshness, self.now) {
            Verdict::Fresh
        } else if question.takes_what_is_revalidated()
            && freshness.may_serve_while_revalidating(self.now)
        {
            Verdict::WhileRevalidating
        } else {
            Verdict::Validate
        }
    }

    /// Returns the response, by itself; or, where its body is damaged, what is left of the lookup: it can be written over.
    fn into_stored(mut self, config: &Config) -> StdResult<Stored, Box<Self>> {
        let max = config.policy.policy.max_body;
        let found = mem::replace(&mut self.found, Found::Nothing);
        let stored = match found {
            Found::Nothing => None,
            Found::Inline => self
                .base
                .newest_mut()
                .and_then(|packed| packed.clone().unpack(max)),
            Found::Other(packed) => packed.unpack(max),
        };
        stored.ok_or_else(|| Box::new(self))
    }

    /// Returns the response, and leaves it where it is.
    pub(super) fn stored(&self, config: &Config) -> Option<Stored> {
        self.packed()?.clone().unpack(config.policy.policy.max_body)
    }

    /// Returns the newest variant, if the request may have it once the service says that it is its answer.
    pub(super) fn newest(&self, config: &Config, question: &Question) -> Option<&Packed> {
        let newest = self.base.base().and_then(|base| base.newest.as_ref());
        let packed = newest.map(|inline| &inline.packed);
        packed.filter(|packed| {
            allows(config, question, packed) && validation::may_answer_others(&packed.head)
        })
    }
}

/// Returns whether a request may have a stored response.
fn allows(config: &Config, question: &Question, packed: &Packed) -> bool {
    let head = &packed.head;
    config.family.purging.admits(head.stamp, &head.tags) && question.admits(&config.policy, head)
}
