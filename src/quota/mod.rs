//! Quotas, and the arithmetic of limits as pure functions of `(state, now)`.
//!
//! | constructor | admits | good for |
//! |---|---|---|
//! | [`Quota::per_second`] … [`per_day`](Quota::per_day) | GCRA: a burst, then evenly | the default |
//! | [`Quota::fixed`] | at most n in a window that begins with a key's first hit; 2n around its end | few, cheap commands |
//! | [`Quota::aligned`] | the same, windows aligned to the Unix epoch | quotas "per day" |
//! | [`Quota::sliding`] | n in a weighted window, as `@upstash/ratelimit` weighs it; at most 2n in any window | smooth limits that cost little |
//! | [`Quota::strict`] | **never more than n in any window**, with a release up to a tenth late | logins, costly calls |
//! | [`Quota::token_bucket`] | a burst, then n at once every window | batches |
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::{quota::Quota, store::Spend, time::Timestamp};
//!
//! const LOGIN: Quota = Quota::strict(5, Duration::from_secs(15 * 60));
//! const API: Quota = Quota::per_minute(120).burst(30);
//!
//! // What a store does with them: no clock, no I/O.
//! let now = Timestamp::from_micros(1_700_000_000_000_000);
//! let first = API.step(None, now, Spend::Take(30));
//! let next = API.step(first.state.as_ref(), now, Spend::Take(1));
//! assert!(first.decision.allowed());
//! assert_eq!(next.decision.retry_after(), Some(Duration::from_millis(500)));
//! ```
//!
//! # As text
//! Configuration has quotas as text, in [the grammar](Quota#impl-FromStr-for-Quota) of `FromStr` and `Display`. A number
//! alone can be changed by [`Quota::with_numbers`], which keeps the algorithm:
//!
//! ```
//! # use std::time::Duration;
//! # use tower_upstash::quota::Quota;
//! assert_eq!("120/min burst 30".parse(), Ok(Quota::per_minute(120).burst(30)));
//! assert_eq!(Quota::strict(5, Duration::from_secs(15 * 60)).to_string(), "strict 5/15min");
//!
//! let login: Quota = "strict 5/15min".parse()?;
//! assert_eq!(login.with_numbers("10/15min")?, "strict 10/15min".parse()?);
//! # Ok::<_, tower_upstash::quota::InvalidQuota>(())
//! ```

mod algorithm;
mod ban;
mod bucket;
mod carried;
mod fixed;
mod gcra;
mod invalid;
mod level;
#[expect(
    clippy::module_inception,
    reason = "the file of the type is named after it"
)]
mod quota;
mod sliding;
mod state;
mod step;
mod strict;
mod text;

pub use self::{
    algorithm::Algorithm,
    invalid::InvalidQuota,
    quota::Quota,
    state::{State, Step},
};
pub(crate) use self::{
    ban::{Bannable, ban_micros},
    level::Expire,
    state::{Cell, Ring},
};
