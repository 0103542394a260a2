//! Read your writes on a global database: each request carries the sync token of the last answer, so that the replica
//! that answers it has seen at least as much.

use std::sync::{Mutex, PoisonError};

use http::HeaderValue;

use super::request::Effects;

/// The token of the last answer.
#[derive(Default)]
pub(super) struct SyncToken(Mutex<Known>);

/// A token, and how many came before it.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) token: Option<HeaderValue>,
    generation: u64,
}

impl SyncToken {
    pub(super) const HEADER: &'static str = "upstash-sync-token";

    /// More than that is not carried around with every request.
    const MAX_BYTES: usize = 4096;

    pub(super) fn get(&self) -> Known {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes the token of an answer to a request that carried `carried`.
    ///
    /// Tokens are opaque, so which of two is later has to be known from outside: the answer to a write has seen that
    /// write; the answer to a read may be older than what has come in since the read left. What only decides limits is
    /// never read back, and would make reads wait for it.
    ///
    /// Of two writes at the same time, the token of the one that is answered last stays. It may be the earlier one: then a
    /// replica that has not seen the other yet may answer the next read. Whoever waits for one write before the next is safe.
    pub(super) fn advance(&self, carried: &Known, effect: Effects, token: Option<&HeaderValue>) {
        let Some(token) = token.filter(|token| token.len() <= Self::MAX_BYTES) else {
            return;
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_later = match effect {
            Effects::Decides => false,
            Effects::Reads => carried.generation == known.generation,
            Effects::Writes => true,
        };
        if is_later {
            known.token = Some(token.clone());
            known.generation += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    fn known(sync: &SyncToken) -> Option<HeaderValue> {
        sync.get().token
    }

    #[test]
    fn the_next_request_carries_the_token_of_the_last_answer() {
        let sync = SyncToken::default();
        assert_eq!(known(&sync), None);
        sync.advance(&sync.get(), Effects::Reads, Some(&token("one")));
        assert_eq!(known(&sync), Some(token("one")));
        sync.advance(&sync.get(), Effects::Reads, None);
        assert_eq!(known(&sync), Some(token("one")));
    }

    #[test]
    fn a_late_answer_to_a_read_does_not_undo_a_write() {
        let sync = SyncToken::default();
        let read = sync.get();
        sync.advance(&sync.get(), Effects::Writes, Some(&token("write")));
        sync.advance(&read, Effects::Reads, Some(&token("read")));
        assert_eq!(known(&sync), Some(token("write")));
    }

    #[test]
    fn a_late_answer_to_a_write_counts() {
        let sync = SyncToken::default();
        let write = sync.get();
        sync.advance(&sync.get(), Effects::Reads, Some(&token("read")));
        sync.advance(&write, Effects::Writes, Some(&token("write")));
        assert_eq!(known(&sync), Some(token("write")));
    }

    #[test]
    fn deciding_limits_does_not_make_reads_wait() {
        let sync = SyncToken::default();
        sync.advance(&sync.get(), Effects::Decides, Some(&token("limits")));
        assert_eq!(known(&sync), None);
    }
}
