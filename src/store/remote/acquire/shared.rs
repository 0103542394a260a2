//! The layout of `@upstash/ratelimit`, so that both count on the same keys.
//!
//! | ours | theirs | keys, where `b` is the number of the window since the epoch |
//! |---|---|---|
//! | [`AlignedWindow`](Algorithm::AlignedWindow) | `fixedWindow` | `prefix:identifier:b`: a count |
//! | [`SlidingWindow`](Algorithm::SlidingWindow) | `slidingWindow` | the same, and that of `b - 1` |
//! | [`TokenBucket`](Algorithm::TokenBucket) | `tokenBucket` | `prefix:identifier`: a hash of `refilledAt` and `tokens` |
//!
//! Keys, values, arithmetic and times to live are theirs; the contract is ours: a refused claim consumes nothing (theirs
//! up to 2.2.0 count some that they refuse), all claims of a call are one, and no key is left to live for ever. What the
//! layout cannot express: a clock that goes back finds the window it went back to; a change of quota carries over what
//! the keys say, hence nothing to a window of another length; a bucket that was full keeps the phase of its
//! refills until its key is gone.
//!
//! Their dynamic limits, analytics and deny lists are not read or written.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

use crate::{
    quota::{Algorithm, Quota},
    store::{Error, ErrorKind, Identifier, Key, Result},
    time::Timestamp,
};

/// What a shared claim counts on.
pub(super) enum Place {
    Fixed { key: String },
    Sliding { key: String, last: String },
    Bucket { key: String },
}

/// Returns the keys of a claim.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) for what the layout cannot express.
pub(super) fn place(prefix: &str, key: &Key, quota: &Quota, now: Timestamp) -> Result<Place> {
    let window = quota.window().as_micros() as u64;
    let refuses_all = quota.limit() == 0;
    if !window.is_multiple_of(1000) {
        return Err(unsupported(
            "a shared limit has a window of whole milliseconds",
        ));
    }
    let identifier = match identifier(key) {
        // Clients may choose identifiers: an error would be a way out of the limit.
        reserved if quota.algorithm() == Algorithm::TokenBucket && is_reserved(&reserved) => {
            Identifier::hashed(reserved).to_text()
        }
        identifier => identifier,
    };
    let number = (now.as_micros() / window) as i64; // of 2^53 at most
    let key = format!("{prefix}:{identifier}");
    let of_window = |number: i64| {
        let mut key = key.clone();
        // Writing to a string cannot fail.
        let _ = write!(key, ":{number}");
        key
    };
    match quota.algorithm() {
        Algorithm::TokenBucket => Ok(Place::Bucket { key }),
        Algorithm::SlidingWindow => Ok(Place::Sliding {
            key: of_window(number),
            last: of_window(number - 1),
        }),
        Algorithm::AlignedWindow => Ok(Place::Fixed {
            key: of_window(number),
        }),
        Algorithm::FixedWindow if refuses_all => Ok(Place::Fixed {
            key: of_window(number),
        }),
        Algorithm::FixedWindow | Algorithm::StrictWindow | Algorithm::Gcra => Err(unsupported(
            "a shared limit is an aligned window, a sliding window or a token bucket",
        )),
    }
}

/// Returns whether the key of a bucket could be that of a dynamic limit, of analytics or of a deny list.
fn is_reserved(identifier: &str) -> bool {
    let begins = |with| identifier.starts_with(with);
    ["dynamic:", "events:", "denyList:"].into_iter().any(begins) || identifier == "ipDenyListStatus"
}

/// Returns the identifier as callers of `@upstash/ratelimit` write it: names and addresses as they are, hashes and tuples as
/// in our own keys. A name that begins as those do stays as in our own keys, too: with its mark escaped.
fn identifier(key: &Key) -> String {
    let text = key.identifier().to_text();
    let escaped = match text.as_bytes() {
        [b'~' | b'!' | b'*' | b'(', ..] => return text,
        [b'@', ..] => text.get(1..).unwrap_or_default(),
        _ => &text,
    };
    match percent_decode_str(escaped).decode_utf8() {
        Ok(plain) if !plain.starts_with(['~', '!', '*', '(']) => plain.into_owned(),
        _ => text,
    }
}

fn unsupported(why: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, why)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use super::*;
    use crate::store::{Kind, Scope};

    #[test]
    fn keys_are_theirs() {
        let quota = Quota::sliding(10, Duration::from_secs(10));
        let now = Timestamp::from_micros(1_700_000_009_999_999);
        let key = |identifier: Identifier| Scope::new(Kind::Limit, "api").key(identifier);
        let of = |identifier| match place("@upstash/ratelimit", &key(identifier), &quota, now) {
            Ok(Place::Sliding { key, last }) => (key, last),
            _ => panic!("a sliding window"),
        };
        assert_eq!(
            of("user:7 é".into()),
            (
                "@upstash/ratelimit:user:7 é:170000000".to_owned(),
                "@upstash/ratelimit:user:7 é:169999999".to_owned(),
            )
        );
        let ip = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
        assert_eq!(of(ip.into()).0, "@upstash/ratelimit:2001:db8::1:170000000");
        assert_eq!(
            of(Identifier::new([0xff])).0,
            "@upstash/ratelimit:%FF:170000000"
        );
        assert!(
            of(Identifier::secret("key"))
                .0
                .starts_with("@upstash/ratelimit:!")
        );
    }
}
