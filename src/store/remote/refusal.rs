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
        plain(&self.0).starts_with(text)
    }

    /// Returns what a server says for itself, without the preamble that names the script it ran.
    fn said(&self) -> &str {
        let mut said = plain(&self.0);
        if let Some(script) = said.strip_prefix("Error running script") {
            // The name is a digest: what comes from outside begins later.
            let end = if script.starts_with(" (") {
                "): "
            } else {
                ": "
            };
            said = script.split_once(end).map_or("", |(_, said)| said);
        }
        // "@user_script: 12: ", at times twice.
        while let Some(place) = said.trim_start_matches('@').strip_prefix("user_script:") {
            let place = place.trim_start();
            let rest = place.trim_start_matches(|each: char| each.is_ascii_digit());
            said = rest.trim_start_matches([':', ' ']);
        }
        plain(said)
    }

    pub(crate) fn kind(&self) -> (ErrorKind, &'static str) {
        const KNOWN: [(&str, ErrorKind, &str); 24] = [
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
                "DB capacity quota exceeded",
                ErrorKind::QuotaExceeded,
                "the database is full",
            ),
            (
                "OOM",
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
            (
                "increment or decrement would overflow",
                ErrorKind::Invalid,
                "the sum overflows",
            ),
            (
                "value is not an integer",
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
                "MOVED",
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
                "ASK",
                ErrorKind::Unsupported,
                "the server is a node of a cluster, which is moving keys",
            ),
            (
                "unknown command",
                ErrorKind::Unsupported,
                "the server does not know a command",
            ),
        ];
        let said = self.said();
        KNOWN
            .iter()
            .find(|(text, ..)| begins_with(said, text))
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

/// Returns a text without the code that says nothing.
fn plain(text: &str) -> &str {
    text.strip_prefix("ERR ").unwrap_or(text)
}

/// Returns whether a text begins with whole words.
fn begins_with(said: &str, words: &str) -> bool {
    said.strip_prefix(words)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> ErrorKind {
        Refusal::new(text).kind().0
    }

    // A key in an error chose its kind: "WRONGPASS" in a key made an unknown command a wrong token.
    #[test]
    fn an_echoed_key_does_not_choose_the_kind() {
        for echo in ["WRONGPASS", "NOAUTH", "max requests limit exceeded", "OOM"] {
            let text = format!("ERR unknown command 'GET', with args beginning with: 'd:x:{echo}'");
            assert_eq!(kind(&text), ErrorKind::Unsupported, "{echo}");
            let text = format!("ERR something new about '{echo}'");
            assert_eq!(kind(&text), ErrorKind::Unavailable, "{echo}");
            let text = format!("ERR user_script:1: {echo}x");
            assert_eq!(kind(&text), ErrorKind::Unavailable, "{echo}");
        }
        assert_eq!(kind("OOMPH"), ErrorKind::Unavailable);
    }

    #[test]
    fn a_script_that_fails_says_why_behind_its_name() {
        for name in [
            "",
            "ERR Error running script (call to f_0123abcd): @user_script:12: ",
            "ERR Error running script (call to f_0123abcd): @user_script:12: @user_script: 12: ",
            "ERR Error running script: ",
            "ERR user_script:3: ",
        ] {
            let kind = |text: &str| kind(&format!("{name}{text}"));
            assert_eq!(kind("WRONGTYPE Operation against"), ErrorKind::Corrupt);
            assert_eq!(kind("OOM command not allowed"), ErrorKind::QuotaExceeded);
            let text =
                "ERR value is not an integer or out of range script: f_0, on @user_script:3.";
            assert_eq!(kind(text), ErrorKind::Corrupt);
            let text = "ERR increment or decrement would overflow";
            assert_eq!(kind(text), ErrorKind::Invalid);
            assert_eq!(
                kind("ERR DB capacity quota exceeded"),
                ErrorKind::QuotaExceeded
            );
        }
    }
}
