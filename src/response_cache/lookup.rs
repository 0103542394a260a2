//! What the store has for a request, and what may be done with it.

use std::mem;

use http::HeaderMap;

use super::{
    codec::decode_variant,
    config::Config,
    entry::{Packed, Selected},
    plan,
    question::Question,
    reading::Reading,
    semantics::{cache_status::FwdReason, validation, vary},
    stored::{Stored, Varied},
};
use crate::{
    store::{Entries, Key, Stamp},
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

impl Lookup {
    pub(super) const fn nothing(now: Timestamp, landings: u64, stamp: Option<Stamp>) -> Self {
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
    pub(super) fn take_in(
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

    pub(super) fn take_variant(&mut self, question: &Question, varied: &Varied, entries: &Entries) {
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
    pub(super) fn end_if_stale(&mut self) {
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

    /// Returns the variant that answers the request, if it is in the base.
    pub(super) fn inline(&self) -> Option<&Packed> {
        self.packed()
            .filter(|_| matches!(self.found, Found::Inline))
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
    pub(super) fn into_stored(mut self, config: &Config) -> Result<Stored, Box<Self>> {
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
    packed.len() <= config.policy.policy.max_body as u64
        && config.family.purging.admits(head.stamp, &head.tags)
        && question.admits(&config.policy, head)
}
