//! What servers say when they refuse: their texts, as kinds of errors.

use std::fmt;

use crate::store::{Error, ErrorKind};

/// The text of an error reply.
///
/// Never shown beyond its first word: scripts echo keys and values in it. So what the texts mean is read from their
/// beginning only, and strictly where a command is sent again for it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refusal(Box<str>);

impl Refusal {
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns whether the server does not know the script: nothing ran.
    pub(crate) fn is_unknown_script(&self) -> bool {
        self.begins("NOSCRIPT")
    }

    /// Returns whether the server does not take a flag of the script: nothing ran.
    pub(crate) fn is_unknown_flag(&self) -> bool {
        self.begins("Unexpected flag in script shebang")
    }

    /// Returns whether the server does not know the command or one of its options: nothing ran.
    pub(crate) fn is_unknown_command(&self) -> bool {
        [
            "syntax error",
            "unknown command",
            "Command is not available",
        ]
        .iter()
        .any(|text| self.begins(text))
    }

    fn begins(&self, text: &str) -> bool {
        let said = self.0.strip_prefix("ERR ").unwrap_or(&self.0);
        said.starts_with(text)
    }

    /// Returns the part in which a server speaks for itself, also one that says first which script it was.
    fn head(&self) -> &str {
        let end = self.0.char_indices().nth(160);
        end.and_then(|(end, _)| self.0.get(..end))
            .unwrap_or(&self.0)
    }

    pub(crate) fn kind(&self) -> (ErrorKind, &'static str) {
        const KNOWN: [(&str, ErrorKind, &str); 23] = [
            ("WRONGPASS", ErrorKind::Unauthorized, "the token is wrong"),
            ("NOAUTH", ErrorKind::Unauthorized, "credentials are missing"),
            (
                "NOPERM",
                ErrorKind::Unauthorized,
                "the token lacks the permission, as a read-only one does",
            ),
            // What a script may not do: as Redis 7.0 says it, and later ones.
            (
                "The user executing the script",
                ErrorKind::Unauthorized,
                "the user lacks the permission for what a script does",
            ),
            (
                "ACL failure in script",
                ErrorKind::Unauthorized,
                "the user lacks the permission for what a script does",
            ),
            (
                "READONLY",
                ErrorKind::Unavailable,
                "the server is a read-only replica",
            ),
            (
                "LOADING",
                ErrorKind::Unavailable,
                "the server is loading its data",
            ),
            (
                "max requests limit exceeded",
                ErrorKind::QuotaExceeded,
                "the requests of the plan are used up",
            ),
            (
                "max daily request limit exceeded",
                ErrorKind::QuotaExceeded,
                "the requests of the day are used up",
            ),
            (
                "capacity quota exceeded",
                ErrorKind::QuotaExceeded,
                "the database is full",
            ),
            (
                "OOM ",
                ErrorKind::QuotaExceeded,
                "the server is out of memory",
            ),
            (
                "max request size exceeded",
                ErrorKind::TooLarge,
                "a request beyond the limit of the server",
            ),
            (
                "max single record size exceeded",
                ErrorKind::TooLarge,
                "a record beyond the limit of the server",
            ),
            (
                "max key size exceeded",
                ErrorKind::TooLarge,
                "a key beyond the limit of the server",
            ),
            ("would overflow", ErrorKind::Invalid, "the sum overflows"),
            (
                "not an integer",
                ErrorKind::Corrupt,
                "the key holds something that is not a counter",
            ),
            (
                "WRONGTYPE",
                ErrorKind::Corrupt,
                "the key holds something of another type",
            ),
            (
                "CROSSSLOT",
                ErrorKind::Unsupported,
                "keys in several slots of a cluster cannot be changed all or nothing",
            ),
            (
                "MOVED ",
                ErrorKind::Unsupported,
                "the server is a node of a cluster, where several keys cannot be changed all or nothing",
            ),
            (
                "CLUSTERDOWN",
                ErrorKind::Unsupported,
                "the server is a node of a cluster, which is down",
            ),
            (
                "TRYAGAIN",
                ErrorKind::Unsupported,
                "the server is a node of a cluster, which is moving keys",
            ),
            (
                "ASK ",
                ErrorKind::Unsupported,
                "the server is a node of a cluster, which is moving keys",
            ),
            (
                "unknown command",
                ErrorKind::Unsupported,
                "the server does not know a command",
            ),
        ];
        KNOWN
            .iter()
            .find(|(text, ..)| self.head().contains(text))
            .map_or(
                (
                    ErrorKind::Unavailable,
                    "the server refused the command for a reason of its own",
                ),
                |(_, kind, message)| (*kind, message),
            )
    }

    /// Returns the first word, if it is a known code: anything else could be a key.
    fn code(&self) -> &'static str {
        const CODES: [&str; 15] = [
            "BUSY",
            "CLUSTERDOWN",
            "CROSSSLOT",
            "EXECABORT",
            "LOADING",
            "MISCONF",
            "MOVED",
            "NOAUTH",
            "NOPERM",
            "NOSCRIPT",
            "OOM",
            "READONLY",
            "TRYAGAIN",
            "WRONGPASS",
            "WRONGTYPE",
        ];
        let word = self.0.split([' ', ':']).next().unwrap_or_default();
        let known = CODES.into_iter().find(|code| *code == word);
        known.unwrap_or("ERR")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (kind, message) = refusal.kind();
        Self::new(kind, message).with_source(refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error reply {}", self.code())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.code()).finish()
    }
}

impl std::error::Error for Refusal {}
