//! Scripts: their texts, and the names by which a server knows them.

use std::sync::OnceLock;

use bytes::Bytes;
use sha1::{Digest as _, Sha1};

/// A Lua script, in two flavours: as it is, and with the flag that makes Upstash lock the keys of the script and not the
/// whole database. Redis refuses the flag.
pub(crate) struct Script {
    source: &'static str,
    decides: bool,
    reads: bool,
    plain: OnceLock<Text>,
    locking: OnceLock<Text>,
}

/// Which flavour a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Plain,
    LocksKeys,
}

/// The text of a script, and its name: the SHA-1 in hex.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) source: Bytes,
    pub(crate) sha: Bytes,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self {
            source,
            decides: false,
            reads: false,
            plain: OnceLock::new(),
            locking: OnceLock::new(),
        }
    }

    /// Says that the script does nothing but decide limits: no later read has to see what it has written.
    pub(crate) const fn deciding(mut self) -> Self {
        self.decides = true;
        self
    }

    pub(crate) const fn decides(&self) -> bool {
        self.decides
    }

    /// Says that the script answers the value of each of its keys, and nothing else.
    #[cfg_attr(
        not(feature = "upstash"),
        expect(dead_code, reason = "only `UpstashStore` reads by a script")
    )]
    pub(crate) const fn reading(mut self) -> Self {
        self.reads = true;
        self
    }

    /// Returns how many values the script answers as a read does, if it has so many keys.
    pub(crate) const fn values(&self, keys: usize) -> usize {
        if self.reads { keys } else { 0 }
    }

    pub(crate) fn text(&self, flavour: Flavour) -> &Text {
        match flavour {
            Flavour::Plain => self
                .plain
                .get_or_init(|| Text::new(Bytes::from_static(self.source.as_bytes()))),
            Flavour::LocksKeys => self.locking.get_or_init(|| {
                Text::new(format!("#!lua flags=allow-key-locking\n{}", self.source).into())
            }),
        }
    }
}

impl Text {
    fn new(source: Bytes) -> Self {
        let sha = sha1_hex(&source);
        Self { source, sha }
    }
}

/// Returns the SHA-1 as scripts write it.
pub(super) fn sha1_hex(bytes: &[u8]) -> Bytes {
    let digest = Sha1::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.into()
}
