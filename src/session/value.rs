//! Keys and values of a session: names, and JSON.

use std::sync::Arc;

use bytes::Bytes;
use serde_core::{Serialize, de::DeserializeOwned};

use super::{SessionError, SessionErrorKind, error::Result};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 128;

/// Checks the key of a user's.
pub(super) fn key(key: &str) -> Result<Arc<str>> {
    let is_key = (1..=LONGEST_KEY).contains(&key.len()) && !key.chars().any(char::is_control);
    if is_key {
        Ok(key.into())
    } else {
        let why = "a key of a session has 1 to 128 bytes and no control characters";
        Err(SessionError::new(SessionErrorKind::InvalidKey, why))
    }
}

pub(super) fn read<T: DeserializeOwned>(json: Option<&[u8]>) -> Result<Option<T>> {
    json.map(serde_json::from_slice).transpose().map_err(|_| {
        // serde's own message may quote the value.
        let why = "the value of a key of the session is of another type";
        SessionError::new(SessionErrorKind::Value, why)
    })
}

pub(super) fn write<T: Serialize + ?Sized>(value: &T, most: usize) -> Result<Bytes> {
    let json = serde_json::to_vec(value).map_err(|_| {
        let why = "a value for the session cannot be written as JSON";
        SessionError::new(SessionErrorKind::Value, why)
    })?;
    if json.len() > most {
        let why = "a value is larger than what a session may hold";
        return Err(SessionError::new(SessionErrorKind::TooLarge, why));
    }
    Ok(json.into())
}

type Messages = Vec<serde_json::Value>;

/// The most messages that are kept: those who are never asked for must not fill the session.
const MOST_MESSAGES: usize = 32;

/// Returns the messages of a list that are of one type.
pub(super) fn messages<T: DeserializeOwned>(list: &[u8]) -> Vec<T> {
    let messages: Messages = serde_json::from_slice(list).unwrap_or_default();
    messages
        .into_iter()
        .filter_map(|message| serde_json::from_value(message).ok())
        .collect()
}

/// Returns a list of messages with one more.
pub(super) fn appended(list: Option<&[u8]>, message: &[u8]) -> Result<Bytes> {
    let mut messages: Messages = read(list)?.unwrap_or_default();
    messages.extend(read::<serde_json::Value>(Some(message))?);
    let surplus = messages.len().saturating_sub(MOST_MESSAGES);
    messages.drain(..surplus);
    write(&messages, usize::MAX)
}

/// Returns a list of messages without those that were shown; `None` if none is left.
pub(super) fn without(list: Option<&[u8]>, shown: &[u8]) -> Result<Option<Bytes>> {
    let mut messages: Messages = read(list)?.unwrap_or_default();
    for shown in read::<Messages>(Some(shown))?.unwrap_or_default() {
        if let Some(at) = messages.iter().position(|message| *message == shown) {
            messages.remove(at);
        }
    }
    (!messages.is_empty())
        .then(|| write(&messages, usize::MAX))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_printable() {
        for good in ["a", "é", "cart:1", " ", &"x".repeat(128)] {
            assert_eq!(key(good).expect("a key").as_ref(), good);
        }
        for bad in [
            "",
            "\u{1}flash",
            "a\nb",
            "\u{7f}",
            "\u{85}",
            &"x".repeat(129),
        ] {
            let error = key(bad).expect_err("no key");
            assert_eq!(error.kind(), SessionErrorKind::InvalidKey, "{bad:?}");
        }
    }

    #[test]
    fn only_messages_that_were_shown_are_taken_away() {
        let one = appended(None, b"\"one\"").expect("JSON");
        let two = appended(Some(&one), b"\"two\"").expect("JSON");
        let again = appended(Some(&two), b"\"one\"").expect("JSON");
        assert_eq!(without(Some(&one), &one).expect("JSON"), None);
        assert_eq!(without(None, &one).expect("JSON"), None);
        let left = without(Some(&again), &one)
            .expect("JSON")
            .expect("two messages");
        assert_eq!(left, &b"[\"two\",\"one\"]"[..]);
    }

    #[test]
    fn a_value_of_another_type_is_an_error_that_does_not_quote_it() {
        let error = read::<u64>(Some(b"\"secret\"")).expect_err("no number");
        assert_eq!(error.kind(), SessionErrorKind::Value);
        assert!(!format!("{error:?} {error}").contains("secret"));
    }
}
