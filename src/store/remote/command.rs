//! Commands: words, the first of which is the name.

use std::fmt;

use bytes::Bytes;

use super::{Bill, Tally};

/// A Redis command.
///
/// `Debug` shows its name only: the other words are keys and values.
pub(crate) struct Command {
    name: &'static str,
    words: Vec<Bytes>,
    effect: Effect,
    decides: bool,
    values: usize,
    tally: Option<Tally>,
}

/// Whether a command changes anything: on a global database, a write is billed in every region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl Command {
    pub(crate) const fn new(name: &'static str, effect: Effect) -> Self {
        Self {
            name,
            words: Vec::new(),
            effect,
            decides: false,
            values: 0,
            tally: None,
        }
    }

    /// Says that the command does nothing but decide limits: no later read has to see what it has written.
    pub(crate) const fn deciding(mut self) -> Self {
        self.decides = true;
        self
    }

    /// Says how many values a script answers, as a read does.
    pub(super) const fn answering(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// Says how to read from the reply what a script has run.
    pub(super) fn tallied(mut self, tally: Tally) -> Self {
        self.tally = Some(tally);
        self
    }

    /// Returns what the command itself costs, billed when it leaves: whatever comes of it.
    pub(crate) const fn bill(&self) -> Bill {
        Bill::of(self.effect)
    }

    /// Takes out what reads from the reply what the command has cost beyond itself.
    pub(crate) const fn take_tally(&mut self) -> Option<Tally> {
        self.tally.take()
    }

    /// Adds a word.
    pub(crate) fn word(mut self, word: impl Into<Bytes>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds words.
    pub(crate) fn words(mut self, words: impl IntoIterator<Item = Bytes>) -> Self {
        self.words.extend(words);
        self
    }

    /// Adds a number.
    pub(crate) fn number(self, number: impl itoa::Integer) -> Self {
        self.word(text(number))
    }

    /// Returns the name, in capitals.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the words after the name.
    pub(crate) fn arguments(&self) -> &[Bytes] {
        &self.words
    }

    #[cfg_attr(
        not(feature = "upstash"),
        expect(dead_code, reason = "only `UpstashStore` asks for it")
    )]
    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    #[cfg_attr(
        not(feature = "upstash"),
        expect(dead_code, reason = "only `UpstashStore` asks for it")
    )]
    pub(crate) const fn decides(&self) -> bool {
        self.decides
    }

    /// Returns how many values a script answers; zero for one that is not known as a read.
    #[cfg_attr(
        not(feature = "upstash"),
        expect(dead_code, reason = "only `UpstashStore` asks for it")
    )]
    pub(crate) const fn values(&self) -> usize {
        self.values
    }

    /// Returns how many bytes the words have.
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "only `RedisStore` asks for it")
    )]
    pub(crate) fn size(&self) -> usize {
        self.words.iter().map(Bytes::len).sum::<usize>() + self.name.len()
    }
}

/// Returns a number as a word.
pub(super) fn text(number: impl itoa::Integer) -> Bytes {
    Bytes::copy_from_slice(itoa::Buffer::new().format(number).as_bytes())
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("name", &self.name)
            .field("words", &self.words.len())
            .finish_non_exhaustive()
    }
}
