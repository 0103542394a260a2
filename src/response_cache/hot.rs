//! [`Hot`]: the heads of responses that are asked for again and again, decoded and ready to be sent.
//!
//! A head is found by the key, and used only if the entry that was just read from the store begins with the same bytes and is
//! as long: what decodes to something is always decoded to the same. So nothing is served that was purged or replaced,
//! whatever the store is and whoever has written to it. All of a head is copied: what the store has evicted is not kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};

use super::{
    Event, ResponseBody,
    answer::How,
    config::Config,
    digest::Digest,
    entry::Packed,
    question::Question,
    stored::{Stored, StoredHead, Varied},
};
use crate::{
    table::{self, Slot, Table},
    time::{Timestamp, micros},
};

/// A bounded table of heads: at most 1024, of at most 4 KiB each as they are stored.
pub(super) struct Hot {
    table: Table<Place>,
}

#[derive(Clone)]
struct Place {
    key: table::Digest,
    known: Arc<Known>,
}

/// A response without its body.
struct Known {
    key: Digest,
    /// The entry up to the body.
    text: Box<[u8]>,
    body_len: usize,
    head: Arc<StoredHead>,
    /// As they are sent within `from` and `until`: with `Age` and `Cache-Status`, which tell whole seconds.
    headers: HeaderMap,
    from: Timestamp,
    until: Timestamp,
}

const MOST: usize = 1024;
const LONGEST_TEXT: usize = 4 << 10;
/// For so long a head is kept that nobody asks for.
const IDLE: Duration = Duration::from_secs(60);
const SECOND: u64 = 1_000_000;

impl Default for Hot {
    fn default() -> Self {
        Self {
            table: Table::new(MOST),
        }
    }
}

impl Hot {
    /// Returns the head of an entry that was just read.
    #[inline]
    fn find(&self, key: &Digest, entry: &[u8], now: Timestamp) -> Option<Arc<Known>> {
        let known = self
            .table
            .look(key.halves(), now, |place| Some(Arc::clone(&place.known)))?;
        known.is_of(key, entry).then_some(known)
    }

    fn put(&self, known: Known, now: Timestamp) -> Arc<Known> {
        let known = Arc::new(known);
        let place = Place {
            key: known.key.halves(),
            known: Arc::clone(&known),
        };
        self.table.put(place.key, now, |_| Some(place));
        known
    }
}

impl Known {
    #[inline]
    fn is_of(&self, key: &Digest, entry: &[u8]) -> bool {
        self.key == *key
            && entry.len() == self.text.len() + self.body_len
            && entry.starts_with(&self.text)
    }
}

impl Config {
    /// Answers by a head that was decoded before, if it is fresh and for this request.
    pub(super) fn answer_known<B>(
        &self,
        question: &Question,
        request: &HeaderMap,
        (entry, varied): (&Bytes, Option<&Varied>),
        now: Timestamp,
    ) -> Option<Response<ResponseBody<B>>> {
        let mut known = self.hot.find(question.key.digest(), entry, now)?;
        let head = &known.head;
        let is_allowed = question.directives.is_none()
            && known.body_len <= self.policy.policy.max_body
            && question.admits(&self.policy, head)
            && self.family.purging.admits(head.stamp, &head.tags)
            && (varied == Some(&head.vary) || head.vary.matches(request, &self.policy.normalise));
        if !is_allowed {
            return None;
        }
        if !(known.from <= now && now < known.until) {
            known = self.renew(&known, now)?;
        }
        let body = entry.slice(known.text.len()..);
        if !question.is_plain() {
            let head = StoredHead::clone(&known.head);
            let stored = Stored { head, body };
            return Some(self.hit(question, request, stored, How::HIT, now));
        }
        self.tell(&Event::Hit {
            policy: self.name(),
            stale: false,
        });
        let mut response = Response::new(ResponseBody::own(body));
        *response.status_mut() = known.head.status;
        *response.headers_mut() = known.headers.clone();
        question.note_spent(response.extensions_mut());
        Some(response)
    }

    /// Remembers the head of an entry that was decoded.
    pub(super) fn remember(&self, key: &Digest, entry: &Bytes, packed: &Packed, now: Timestamp) {
        let text = entry.len().saturating_sub(packed.body.len());
        let Some(text) = entry.get(..text).filter(|text| text.len() <= LONGEST_TEXT) else {
            return;
        };
        if packed.whole.is_some() || !packed.head.freshness.is_fresh(now) {
            return;
        }
        let head = Arc::new(apart(&packed.head));
        let known = self.known(*key, text.into(), packed.body.len(), head, now);
        self.hot.put(known, now);
    }

    /// Says anew how old a response is. `None`: it is not fresh any more.
    #[cold]
    fn renew(&self, known: &Known, now: Timestamp) -> Option<Arc<Known>> {
        let head = Arc::clone(&known.head);
        head.freshness.is_fresh(now).then(|| {
            let known = self.known(known.key, known.text.clone(), known.body_len, head, now);
            self.hot.put(known, now)
        })
    }

    fn known(
        &self,
        key: Digest,
        text: Box<[u8]>,
        body_len: usize,
        head: Arc<StoredHead>,
        now: Timestamp,
    ) -> Known {
        let freshness = &head.freshness;
        let mut headers = head.headers.clone();
        self.describe(&mut headers, freshness, How::HIT, now);
        let age = micros(freshness.age(now));
        let left = micros(freshness.lifetime).saturating_sub(age);
        // The age goes up, and what is left goes down.
        let steady = (SECOND - age % SECOND).min(left % SECOND + 1).min(left);
        Known {
            key,
            text,
            body_len,
            headers,
            from: now,
            until: now.after(Duration::from_micros(steady)),
            head,
        }
    }
}

/// Returns a head that shares nothing with the entry that it was decoded from.
fn apart(head: &StoredHead) -> StoredHead {
    let mut head = head.clone();
    for value in head.headers.values_mut() {
        let copy = HeaderValue::from_bytes(value.as_bytes());
        let mut copy = copy.expect("a value is a value");
        copy.set_sensitive(value.is_sensitive());
        *value = copy;
    }
    head
}

impl Slot for Place {
    fn digest(&self) -> table::Digest {
        self.key
    }

    fn ends(&self) -> Timestamp {
        self.known.from.after(IDLE)
    }

    fn lives(&self, now: Timestamp) -> bool {
        now < self.ends()
    }
}

#[cfg(test)]
mod tests;
