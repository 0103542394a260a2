//! Looking into the store: at once where it can, else in one trip.

use http::{HeaderMap, Response};
use smallvec::SmallVec;

use super::{
    ResponseBody,
    answer::How,
    config::Config,
    lookup::{Lookup, Verdict},
    purges::Trip,
    question::Question,
    semantics::vary,
    stored::Varied,
};
use crate::{
    join::join,
    store::{Entries, Error, Key, Result, Store, together},
    time::Timestamp,
};

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
pub(super) struct Reading {
    keys: SmallVec<[Key; 2]>,
    pub(super) hinted: Option<Varied>,
    pub(super) landings: u64,
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
        if let (Some(packed), Some(Some(entry))) = (lookup.inline(), entries.first()) {
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
            landings: self.family.landings.count(question.key.digest().as_bytes()),
        }
    }
}
