//! What an answer without a body makes of a stored response: a 304, or the answer to a `HEAD`.

use std::sync::Arc;

use http::{
    Response, StatusCode,
    header::{AGE, DATE, SET_COOKIE, VARY},
    response::Parts,
};

use super::{
    Caching, Event, Reason, ResponseBody, SetCookie,
    answer::How,
    called::Called,
    commit::Commit,
    landed::Landed,
    semantics::{
        date,
        fields::{self, Strips},
        validation::{self, HeadEffect},
    },
    stored::{Stored, StoredHead, Varied},
    tags,
};
use crate::store::Tag;

impl Called {
    /// Freshens a stored response (RFC 9111, section 4.3.4), and answers with it.
    pub(super) async fn validated<B>(
        mut self,
        parts: &Parts,
        mut stored: Stored,
        is_own: bool,
    ) -> Response<ResponseBody<B>> {
        let config = Arc::clone(&self.config);
        let policy = config.name();
        config.tell(&Event::Validated { policy });
        let freshened = self.freshened(parts, &stored.head);
        if let Ok(head) = &freshened {
            stored.head.freshness = head.freshness;
        }
        if let Ok(head) = freshened {
            let shared = Stored {
                head,
                body: stored.body.clone(),
            };
            // What is not of this request keeps the fields that it was stored for.
            if is_own {
                let write = Commit::freshen(&self, &shared);
                config.hold(write).await;
            }
            if let Some(leader) = &self.leader
                && shared.head.freshness.is_fresh(self.received)
            {
                leader.share(Landed::complete(&shared));
                self.leader = None;
            }
        }
        // They would wait for each other, one after another.
        self.release(true);
        // This client gets all that was said to it, also what is nobody else's.
        let strips = Strips {
            named: &[],
            set_cookie: SetCookie::Store,
        };
        fields::freshen(&mut stored.head.headers, &parts.headers, &strips);
        let how = How {
            fwd_status: Some(StatusCode::NOT_MODIFIED),
            ..How::forwarded(self.fwd())
        };
        config.hit(&self.question, &self.asked, stored, how, self.received)
    }

    /// Passes on the answer to a HEAD, and what it says of the stored GET (RFC 9111, section 4.3.5).
    pub(super) async fn head<B>(self, parts: Parts, body: B) -> Response<ResponseBody<B>> {
        // What one user is told says nothing of what is stored for all.
        let usable = self.usable().filter(|_| self.refused(&parts).is_ok());
        let effect = usable.map_or(HeadEffect::Nothing, |packed| {
            let stored = &packed.head.headers;
            validation::after_head(parts.status, &parts.headers, stored, packed.len())
        });
        match (effect, self.lookup.stored(&self.config)) {
            (HeadEffect::Freshen, Some(mut stored)) => {
                if let Ok(head) = self.freshened(&parts, &stored.head) {
                    stored.head = head;
                    let write = Commit::freshen(&self, &stored);
                    self.config.hold(write).await;
                }
            }
            (HeadEffect::Invalidate, _) => {
                let place = self.config.place(&self.question);
                let write = self.config.forget_all(vec![place], Vec::new());
                self.config.hold(write).await;
            }
            _ => {}
        }
        let how = How::forwarded(self.fwd());
        self.config.pass(Response::from_parts(parts, body), how)
    }

    /// Returns what the answer makes of a stored head for everybody, or why that stays as it is: the same rules hold as for
    /// a whole response.
    fn freshened(&self, parts: &Parts, old: &StoredHead) -> Result<StoredHead, Reason> {
        self.refused(parts)?;
        let rules = self.rules(parts);
        let mut head = old.clone();
        let strips = Strips::of(&rules, &[]);
        fields::freshen(&mut head.headers, &parts.headers, &strips);
        // As for a whole response, which is what it is again from now on.
        if !parts.headers.contains_key(DATE) {
            let date = date::format(self.received);
            let _ = head.headers.try_insert(DATE, date);
        }
        for age in parts.headers.get_all(AGE) {
            head.headers
                .try_append(AGE, age.clone())
                .map_err(|_| Reason::TooLarge)?;
        }
        let judged = self.judge_head(head.status, &head.headers, &rules)?;
        head.headers.remove(AGE);
        let is_refused = rules.set_cookie == SetCookie::Refuse;
        let has_cookie = parts.headers.contains_key(SET_COOKIE);
        if is_refused && has_cookie && !judged.without.contains(&SET_COOKIE) {
            return Err(Reason::SetCookie);
        }
        for name in &judged.without {
            head.headers.remove(name);
        }
        head.vary = self.varied(old, &mut head).ok_or(Reason::Vary)?;
        head.tags = self.all_tags(parts, &old.tags)?;
        head.freshness = judged.freshness;
        head.is_explicit = judged.is_explicit;
        head.is_for_authorized = judged.is_for_authorized;
        head.stamp = self.lookup.stamp;
        Ok(head)
    }

    /// Returns which requests the freshened response answers: none that the stored one did not, as a 304 often has the
    /// `Vary` of some layer only.
    fn varied(&self, old: &StoredHead, head: &mut StoredHead) -> Option<Varied> {
        let normalise = &self.config.policy.normalise;
        let new = Varied::of(&head.headers, &self.asked, normalise)?;
        let lost = old.vary.names.iter();
        for name in lost.filter(|name| !new.names.contains(name)) {
            head.headers.try_append(VARY, name.clone().into()).ok()?;
        }
        Varied::of(&head.headers, &self.asked, normalise)
    }

    fn all_tags(&self, parts: &Parts, old: &[Tag]) -> Result<Vec<Tag>, Reason> {
        let origin = self.config.origin(&self.uri, &self.asked);
        let caching = parts.extensions.get::<Caching>();
        let mut all =
            tags::tags_of(&parts.headers, &[], caching, origin).map_err(|_| Reason::Tags)?;
        all.extend_from_slice(old);
        all.sort_unstable();
        all.dedup();
        // That of the URL comes on top.
        (all.len() <= tags::MOST + 1)
            .then_some(all)
            .ok_or(Reason::Tags)
    }
}
