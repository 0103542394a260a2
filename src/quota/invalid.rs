//! Why a quota cannot be made.

use std::{error, fmt, str};

/// Why a [`Quota`](super::Quota) could not be made, from numbers or from text.
///
/// Of a text it quotes at most 64 bytes, escaped.
// It owns no memory: a `const` could not drop it, and quotas are made there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQuota {
    problem: &'static str,
    text: Option<Excerpt>,
}

impl InvalidQuota {
    pub(super) const fn new(problem: &'static str) -> Self {
        Self {
            problem,
            text: None,
        }
    }

    /// Adds the text that was read.
    pub(super) fn in_text(self, text: &str) -> Self {
        Self {
            text: Some(Excerpt::new(text)),
            ..self
        }
    }

    pub(super) const fn problem(&self) -> &'static str {
        self.problem
    }
}

impl fmt::Display for InvalidQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            None => f.write_str(self.problem),
            Some(text) => write!(
                f,
                "{text} is not a quota: {}; quotas are written as `60/min`, `100/h burst 20` or `strict 5/15min`",
                self.problem
            ),
        }
    }
}

impl error::Error for InvalidQuota {}

/// The beginning of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    bytes: [u8; Self::LONGEST],
    len: usize,
    is_cut: bool,
}

impl Excerpt {
    const LONGEST: usize = 64;

    fn new(text: &str) -> Self {
        let start = (0..=Self::LONGEST).rev().find_map(|len| text.get(..len));
        let start = start.unwrap_or_default();
        let mut bytes = [0; Self::LONGEST];
        if let Some(room) = bytes.get_mut(..start.len()) {
            room.copy_from_slice(start.as_bytes());
        }
        Self {
            bytes,
            len: start.len(),
            is_cut: start.len() < text.len(),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        let text = str::from_utf8(bytes).unwrap_or_default();
        write!(f, "{text:?}{}", if self.is_cut { "…" } else { "" })
    }
}
