//! What a 304, or the answer to a `HEAD`, does to a stored response: RFC 9111, sections 4.3.3 to 4.3.5.

use std::sync::Arc;

use http::{
    HeaderMap, Response, StatusCode,
    header::{DATE, ETAG, SET_COOKIE, VARY},
    response::Parts,
};

use super::{
    Event, Reason, ResponseBody,
    answer::How,
    called::Called,
    commit::Commit,
    entry::Packed,
    forget::Forgotten,
    landed::Landed,
    semantics::{
        date,
        fields::{self, Strips},
        rules::SetCookie,
        validation::{self, HeadEffect, Sent},
    },
    stored::{Stored, StoredHead, Varied},
    tags,
};

/// A stored response that the service says has not changed.
pub(super) struct Unmodified {
    stored: Stored,
    /// It was stored for requests like this one, not only found in their place by its validator.
    is_own: bool,
    /// The 304 is about it, and not about something that we do not have.
    is_selected: bool,
}

impl Called {
    /// Returns the stored response that a 304 selects (section 4.3.4).
    ///
    /// Where it selects none, as when a server takes `-gzip` off the tag of its 304, that is the one that was asked about:
    /// it is used and not freshened, since a client that has no conditions can do nothing with a 304.
    pub(super) fn unmodified(&self, answer: &HeaderMap) -> Option<Unmodified> {
        if self.sent == Sent::Nothing {
            return None;
        }
        let own = self.usable();
        let newest = self.lookup.newest(&self.config, &self.question);
        // Asked about by its tag alone: nothing else can name it among several.
        let may_select = answer.contains_key(ETAG) || self.sent == Sent::One;
        let selects =
            |packed: &&Packed| validation::selects(answer, &packed.head.headers, self.sent);
        let (packed, is_own, is_selected) = match (
            own.filter(selects),
            newest.filter(selects).filter(|_| may_select),
        ) {
            (Some(own), _) => (own, true, true),
            (None, Some(newest)) => (newest, false, true),
            (None, None) => (own.or(newest)?, own.is_some(), false),
        };
        let max = self.config.policy.policy.max_body;
        Some(Unmodified {
            stored: packed.clone().unpack(max)?,
            is_own,
            is_selected,
        })
    }

    /// Freshens a stored response, and answers with it.
    pub(super) async fn validated<B>(
        mut self,
        parts: &Parts,
        unmodified: Unmodified,
    ) -> Response<ResponseBody<B>> {
        let config = Arc::clone(&self.config);
        let policy = config.name();
        let Unmodified {
            mut stored,
            is_own,
            is_selected,
        } = unmodified;
        config.tell(&Event::Validated { policy });
        let freshened = is_selected.then(|| self.freshened(parts, &stored.head));
        match freshened {
            Some(Ok(mut head)) => {
                head.stamp = self.lookup.stamp;
                stored.head = head;
                // What is not of this request keeps the fields that it was stored for.
                if is_own {
                    config.hold(Commit::freshen(&self, &stored)).await;
                }
                match &self.leader {
                    Some(leader) if stored.head.freshness.is_fresh(self.received) => {
                        leader.share(Landed::complete(&stored));
                    }
                    // Each has to ask for itself: at once, and not one after another.
                    _ => self.release(true),
                }
            }
            Some(Err(reason)) => {
                // Whatever else is said of it, it is the same representation.
                if reason == Reason::NoStore {
                    self.supersede().await;
                }
                // For this client alone.
                let strips = Strips::of(&self.rules(parts), &[]);
                fields::freshen(&mut stored.head.headers, &parts.headers, &strips);
                self.release(true);
            }
            None => self.release(false),
        }
        let how = How {
            fwd_status: Some(StatusCode::NOT_MODIFIED),
            ..How::forwarded(self.fwd())
        };
        let (question, asked) = (&self.question, &self.asked);
        let mut response = config.answer(question, asked, stored, how, self.received);
        // What the service has said to outer layers.
        response.extensions_mut().extend(parts.extensions.clone());
        if config.policy.rules.set_cookie != SetCookie::Store {
            // Whoever gets an answer from the service gets its cookies.
            for cookie in parts.headers.get_all(SET_COOKIE) {
                let _ = response
                    .headers_mut()
                    .try_append(SET_COOKIE, cookie.clone());
            }
        }
        response
    }

    /// Learns from the answer to a `HEAD` about the stored response to a `GET` (section 4.3.5).
    pub(super) async fn learn_from_head(&self, parts: &Parts) {
        // What one user is told says nothing of what is stored for all.
        let usable = self.usable().filter(|_| self.forbidden(parts).is_ok());
        let effect = usable.map_or(HeadEffect::Nothing, |packed| {
            let headers = &packed.head.headers;
            validation::after_head(parts.status, &parts.headers, headers, packed.len())
        });
        match (effect, self.lookup.stored(&self.config)) {
            (HeadEffect::Freshen, Some(mut stored)) => {
                if let Ok(head) = self.freshened(parts, &stored.head) {
                    stored.head = head;
                    self.config.hold(Commit::freshen(self, &stored)).await;
                }
            }
            (HeadEffect::Invalidate, _) => {
                let write = self.config.forget(Forgotten {
                    places: vec![self.config.place(&self.question)],
                    ..Forgotten::default()
                });
                self.config.hold_forgetting(write).await;
            }
            _ => {}
        }
    }

    /// Returns what the fields of an answer make of a stored head, or why that is not stored: they are judged like those of
    /// a response that is stored for the first time.
    fn freshened(&self, parts: &Parts, old: &StoredHead) -> Result<StoredHead, Reason> {
        self.forbidden(parts)?;
        let rules = self.rules(parts);
        let mut head = old.clone();
        fields::freshen(&mut head.headers, &parts.headers, &Strips::of(&rules, &[]));
        if !parts.headers.contains_key(DATE) {
            // RFC 9110, section 6.6.1: the stored one is of the answer before.
            head.headers.insert(DATE, date::format(self.received));
        }
        let judged = self.judge_head(head.status, &head.headers, &rules)?;
        let sets_cookie =
            parts.headers.contains_key(SET_COOKIE) && !judged.without.contains(&SET_COOKIE);
        if sets_cookie && rules.set_cookie == SetCookie::Refuse {
            return Err(Reason::SetCookie);
        }
        for name in &judged.without {
            head.headers.remove(name);
        }
        if parts.headers.contains_key(VARY) {
            let vary = self.varied(old, &mut head).ok_or(Reason::Vary)?;
            // The same fields: it answers the requests that it has answered.
            if vary.names != head.vary.names {
                head.vary = vary;
            }
        }
        let tags = self.tags(parts)?.into_iter();
        head.tags.extend(tags.filter(|tag| !old.tags.contains(tag)));
        // One more is that of the URL.
        if head.tags.len() > tags::MOST + 1 {
            return Err(Reason::Tags);
        }
        head.freshness = judged.freshness;
        head.is_explicit = judged.is_explicit;
        head.is_for_authorized = judged.is_for_authorized;
        Ok(head)
    }

    /// Returns which requests a response answers that has been freshened: none that the stored one did not, since a 304 often
    /// has the `Vary` of one layer only.
    fn varied(&self, old: &StoredHead, head: &mut StoredHead) -> Option<Varied> {
        let normalise = &self.config.policy.normalise;
        let new = Varied::of(&head.headers, &self.asked, normalise)?;
        let lost = old.vary.names.iter();
        for name in lost.filter(|name| !new.names.contains(name)) {
            let name = name.clone().into();
            head.headers.try_append(VARY, name).ok()?;
        }
        Varied::of(&head.headers, &self.asked, normalise)
    }
}
