//! What a command weighs: in its request, and in the answer to it.

use std::ops::Add;

use crate::store::remote::Command;

/// The longest answer that a request with several commands may have.
const MAX_ANSWER: usize = 128 << 20;
/// What any answer may have: values of others may be larger than ours.
const MIN_ANSWER: usize = 16 << 20;
/// What lists may have: the marks of a purge log, members of an index.
const LISTS: usize = 64 << 20;

/// What commands weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Bytes of the request, as they are sent.
    pub(super) bytes: usize,
    /// Replies: as many as commands, but each value of a read counts.
    pub(super) replies: usize,
    /// Values, which may be as large as any.
    pub(super) values: usize,
    /// Whether a reply may be a list of any length.
    pub(super) lists: bool,
}

impl Load {
    /// Returns what a command weighs that has so many bytes.
    pub(super) fn of(command: &Command, bytes: usize) -> Self {
        let scripts = !command.decides();
        let (values, lists) = match command.name() {
            "GET" => (1, false),
            "MGET" => (command.arguments().len(), false),
            "EVAL" | "EVALSHA" if command.values() > 0 => (command.values(), false),
            // The value that a write conflicts with, or a log.
            "EVAL" | "EVALSHA" if scripts => (1, true),
            "ZRANGE" => (0, true),
            _ => (0, false),
        };
        Self {
            bytes,
            replies: values.max(1),
            values,
            lists,
        }
    }

    /// Returns how long the answer may be, where values have so many bytes at most.
    pub(super) fn max_answer(self, max_value: usize) -> usize {
        let values = self.values.saturating_mul(value(max_value));
        let lists = if self.lists { LISTS } else { 0 };
        values.max(MIN_ANSWER).saturating_add(lists)
    }
}

impl Add for Load {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            replies: self.replies.saturating_add(other.replies),
            values: self.values.saturating_add(other.values),
            lists: self.lists || other.lists,
        }
    }
}

/// Returns how many values one answer may have, so that it keeps within all bounds however large they are.
pub(super) fn max_values(max_value: usize) -> usize {
    (MAX_ANSWER / value(max_value)).max(1)
}

/// A value that is stored in base64 comes back in base64 of that.
const fn value(max_value: usize) -> usize {
    max_value.saturating_mul(16) / 9 + 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::remote::Effect;

    fn read(keys: usize) -> Load {
        let name = if keys == 1 { "GET" } else { "MGET" };
        let command = Command::new(name, Effect::Read).words(vec!["key".into(); keys]);
        Load::of(&command, 10)
    }

    // 256 reads of 16 keys went into one request, whose answer was then beyond all bounds, each time again.
    #[test]
    fn as_many_values_are_asked_for_as_an_answer_may_have() {
        for max_value in [0, 1 << 10, 1 << 20, 100 << 20, usize::MAX] {
            let most = max_values(max_value);
            let mut load = Load::default();
            while load.values + 16 <= most.min(1 << 12) {
                load = load + read(16);
            }
            assert!(load.max_answer(max_value) >= load.values.saturating_mul(value(max_value)));
            assert!(load.max_answer(max_value) <= MAX_ANSWER);
            let lone = read(16).max_answer(max_value);
            assert!(
                lone >= value(max_value).saturating_mul(16),
                "a lone one works"
            );
        }
        assert_eq!((read(16).replies, read(1).replies), (16, 1));
    }

    #[test]
    fn what_decides_limits_brings_no_values_back() {
        let decide = Command::new("EVALSHA", Effect::Read).deciding();
        let write = Command::new("EVALSHA", Effect::Read);
        assert_eq!(Load::of(&decide, 1).values, 0);
        assert_eq!(Load::of(&write, 1).values, 1);
    }
}
