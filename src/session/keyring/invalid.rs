//! Why a keyring cannot be made.

use std::{error, fmt};

/// Why a [`Keyring`](super::Keyring) could not be read. It says which key is wrong, and quotes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidKeyring {
    /// Which key it is, from 1.
    n: usize,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Empty,
    NotBase64,
    Length(usize),
}

impl InvalidKeyring {
    pub(super) const fn empty(n: usize) -> Self {
        let problem = Problem::Empty;
        Self { n, problem }
    }

    pub(super) const fn not_base64(n: usize) -> Self {
        let problem = Problem::NotBase64;
        Self { n, problem }
    }

    pub(super) const fn length(n: usize, bytes: usize) -> Self {
        let problem = Problem::Length(bytes);
        Self { n, problem }
    }
}

impl fmt::Display for InvalidKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.n;
        match self.problem {
            Problem::Empty => write!(f, "key {n} of the keyring is empty"),
            Problem::NotBase64 => write!(f, "key {n} of the keyring is not base64"),
            Problem::Length(bytes) => {
                write!(f, "key {n} of the keyring has {bytes} bytes instead of 32")
            }
        }
    }
}

impl error::Error for InvalidKeyring {}
