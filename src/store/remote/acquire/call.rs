//! What an acquire sends: a script, its keys and its arguments.

use bytes::Bytes;

use super::{
    settings::Settings,
    shared::{Place, place},
};
use crate::{
    quota::{Algorithm, Quota, ban_micros},
    store::{
        Claim, Error, ErrorKind, Result, Spend, Window,
        remote::{command::text, script::Script},
    },
    time::Timestamp,
};

static CLAIMS: Script = Script::new(concat!(
    include_str!("share.lua"),
    include_str!("claims/open.lua"),
    include_str!("claims/level.lua"),
    include_str!("claims/spend.lua"),
    include_str!("claims/close.lua"),
))
.deciding();
static GCRA: Script =
    Script::new(concat!(include_str!("share.lua"), include_str!("gcra.lua"))).deciding();

/// A script, and its keys and arguments, which it explains.
pub(super) struct Call {
    pub(super) script: &'static Script,
    pub(super) keys: Vec<Bytes>,
    pub(super) arguments: Vec<Bytes>,
    /// How many commands read, beside the script itself.
    pub(super) reads: u64,
}

/// Where a claim's state lies.
enum Layout {
    Ours(String),
    Theirs(Place, Timestamp),
}

impl Call {
    pub(super) fn new(claims: &[Claim], settings: &Settings) -> Result<Self> {
        if let [claim] = claims
            && let Some(call) = Self::even(claim, settings)
        {
            return Ok(call);
        }
        // One instant for all claims.
        let now = settings.now();
        let layouts: Vec<_> = claims
            .iter()
            .map(|claim| layout(claim, settings, now))
            .collect::<Result<_>>()?;
        let keys = Keys::of(&layouts)?;
        let ours = |layout: &Layout| matches!(layout, Layout::Ours(_));
        let asks_time = !settings.by_client() && layouts.iter().any(ours);
        let mut call = Self {
            script: &CLAIMS,
            arguments: Vec::with_capacity(2 + 5 * claims.len()),
            reads: u64::from(asks_time) + u64::from(keys.strings > 0) + keys.hashes() as u64,
            keys: Vec::new(),
        };
        call.arguments.push(if asks_time {
            Bytes::new()
        } else {
            text(now.as_micros())
        });
        if keys.hashes() == 0 {
            call.arguments.push(Bytes::new());
        } else {
            call.number(keys.strings as u64);
        }
        for (claim, layout) in claims.iter().zip(&layouts) {
            call.claim(claim, layout, &keys);
        }
        call.keys = keys.into_words();
        Ok(call)
    }

    /// One take by GCRA with units of whole microseconds: almost every call of almost everyone.
    fn even(claim: &Claim, settings: &Settings) -> Option<Self> {
        let (quota, key) = (claim.quota(), claim.key());
        let Spend::Take(cost @ 1..) = claim.spending() else {
            return None;
        };
        let limit = u64::from(quota.limit());
        if quota.algorithm() != Algorithm::Gcra
            || !window(quota).is_multiple_of(limit)
            || settings.prefix(key.scope().name()).is_some()
        {
            return None;
        }
        let asks_time = !settings.by_client();
        let mut call = Self {
            script: &GCRA,
            keys: vec![key.to_text().into()],
            arguments: Vec::with_capacity(5),
            reads: 1 + u64::from(asks_time),
        };
        call.arguments.push(if asks_time {
            Bytes::new()
        } else {
            text(settings.now().as_micros())
        });
        call.number(window(quota));
        call.number(u64::from(quota.capacity()));
        call.number(u64::from(cost));
        if u64::from(quota.capacity()) != limit {
            call.number(limit);
        }
        Some(call)
    }

    fn claim(&mut self, claim: &Claim, layout: &Layout, keys: &Keys<'_>) {
        let (quota, spend) = (claim.quota(), claim.spending());
        let (letter, key, last) = match layout {
            Layout::Ours(key) => (letter(quota.algorithm()), key, None),
            Layout::Theirs(Place::Fixed { key }, _) => (b'A', key, None),
            Layout::Theirs(Place::Sliding { key, last }, _) => (b'S', key, Some(last)),
            Layout::Theirs(Place::Bucket { key }, _) => (b'B', key, None),
        };
        let mut word = vec![letter, letter_of_spend(spend), keys.digit(key)];
        word.extend(last.map(|last| keys.digit(last)));
        self.arguments.push(word.into());
        self.number(u64::from(quota.limit()));
        if quota.capacity() == quota.limit() {
            self.arguments.push(Bytes::new());
        } else {
            self.number(u64::from(quota.capacity()));
        }
        self.number(window(quota));
        self.number(cost(spend));
        if let Spend::Refund { window, .. } = spend {
            self.number(window.as_u64());
        }
        if let Layout::Theirs(_, now) = layout {
            self.number(now.as_micros());
        }
    }

    fn number(&mut self, number: u64) {
        self.arguments.push(text(number));
    }
}

/// What lies under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    State,
    FixedCount,
    SlidingCount,
    Bucket,
}

/// Each key once: those of strings, then those of hashes.
#[derive(Default)]
struct Keys<'a> {
    sorted: Vec<(&'a str, Sort)>,
    strings: usize,
}

impl<'a> Keys<'a> {
    fn of(layouts: &'a [Layout]) -> Result<Self> {
        let mut keys = Self::default();
        for layout in layouts {
            match layout {
                Layout::Ours(key) => keys.add(key, Sort::State)?,
                Layout::Theirs(Place::Fixed { key }, _) => keys.add(key, Sort::FixedCount)?,
                Layout::Theirs(Place::Sliding { key, last }, _) => {
                    keys.add(key, Sort::SlidingCount)?;
                    keys.add(last, Sort::SlidingCount)?;
                }
                Layout::Theirs(Place::Bucket { key }, _) => keys.add(key, Sort::Bucket)?,
            }
        }
        keys.sorted.sort_by_key(|(_, sort)| *sort == Sort::Bucket);
        keys.strings = keys.sorted.len() - keys.hashes();
        Ok(keys)
    }

    /// Adds a key, once.
    ///
    /// Their keys are not injective: one may be two things at once, of which only one could be written.
    fn add(&mut self, key: &'a str, sort: Sort) -> Result<()> {
        match self.sorted.iter().find(|(other, _)| *other == key) {
            None => self.sorted.push((key, sort)),
            Some((_, other)) if *other == sort => {}
            Some(_) => {
                return Err(Error::invalid(
                    "two limits in a call meet on one key, as shared ones may",
                ));
            }
        }
        Ok(())
    }

    fn hashes(&self) -> usize {
        let buckets = self.sorted.iter().filter(|(_, sort)| *sort == Sort::Bucket);
        buckets.count()
    }

    /// Returns the number of a key, as one character from `1` on: there are at most sixteen.
    fn digit(&self, key: &str) -> u8 {
        let before = self.sorted.iter().take_while(|(other, _)| *other != key);
        b'1' + before.count() as u8
    }

    fn into_words(self) -> Vec<Bytes> {
        let keys = self.sorted.into_iter();
        keys.map(|(key, _)| Bytes::copy_from_slice(key.as_bytes()))
            .collect()
    }
}

fn layout(claim: &Claim, settings: &Settings, now: Timestamp) -> Result<Layout> {
    let key = claim.key();
    match settings.prefix(key.scope().name()) {
        None => Ok(Layout::Ours(key.to_text())),
        Some(prefix) => {
            let place = place(prefix, key, claim.quota(), now)?;
            if let Spend::Ban(_) = claim.spending() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a shared limit cannot be banned",
                ));
            }
            Ok(Layout::Theirs(place, now))
        }
    }
}

const fn letter(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Gcra => b'g',
        Algorithm::FixedWindow => b'f',
        Algorithm::AlignedWindow => b'a',
        Algorithm::SlidingWindow => b's',
        Algorithm::StrictWindow => b'w',
        Algorithm::TokenBucket => b'b',
    }
}

fn letter_of_spend(spend: Spend) -> u8 {
    match spend {
        Spend::Take(_) => b't',
        Spend::Peek(_) => b'p',
        Spend::Shadow(_) => b's',
        Spend::Charge(_) => b'c',
        Spend::Refund { .. } => b'r',
        Spend::Reset => b'd',
        // None at all.
        Spend::Ban(duration) if ban_micros(duration) == 0 => b'p',
        Spend::Ban(_) => b'b',
    }
}

/// Returns the units, or of a ban how many microseconds it lasts.
fn cost(spend: Spend) -> u64 {
    match spend {
        Spend::Reset
        | Spend::Refund {
            window: Window::NEVER,
            ..
        } => 0,
        Spend::Take(cost)
        | Spend::Peek(cost)
        | Spend::Shadow(cost)
        | Spend::Charge(cost)
        | Spend::Refund { cost, .. } => u64::from(cost),
        Spend::Ban(duration) => ban_micros(duration),
    }
}

/// Returns the window of a quota in microseconds: at most ten years.
pub(super) const fn window(quota: &Quota) -> u64 {
    quota.window().as_micros() as u64
}
