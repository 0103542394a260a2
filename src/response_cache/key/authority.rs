//! The authority that a request is for: RFC 9110, sections 4.2.3 and 7.2.

use http::{HeaderMap, header::HOST};

/// What `Host` says.
pub(super) enum Host<'a> {
    Absent,
    One(&'a [u8]),
    /// RFC 9112, section 3.2: a server answers that with 400, and who takes one of them may take another than we do.
    Several,
}

impl<'a> Host<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(HOST).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Self::Absent,
            (Some(host), None) => Self::One(host.as_bytes()),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// A host and maybe a port, split where the scheme's default port begins.
#[derive(Clone, Copy)]
pub(super) struct Authority<'a> {
    host_and_port: &'a [u8],
    has_default_port: bool,
}

impl<'a> Authority<'a> {
    /// Reads an authority. `None` for what is empty, has user information (RFC 9110, section 4.2.4), or what no host has
    /// in it: a comma, for one, since it may be several that were joined.
    pub(super) fn parse(text: &'a [u8], scheme: &str) -> Option<Self> {
        let colon = text.iter().rposition(|byte| *byte == b':');
        let (host, port) = match colon.and_then(|at| text.split_at_checked(at)) {
            // A colon in the brackets of an IPv6 address begins no port.
            Some((host, [_, port @ ..])) if !port.ends_with(b"]") => (host, Some(port)),
            _ => (text, None),
        };
        let is_port = port.is_none_or(|port| port.iter().all(u8::is_ascii_digit));
        if !is_port || !is_host(host) {
            return None;
        }
        let is_default = match port {
            Some(b"") => true,
            Some(b"80") => scheme.eq_ignore_ascii_case("http"),
            Some(b"443") => scheme.eq_ignore_ascii_case("https"),
            _ => false,
        };
        Some(Self {
            host_and_port: if is_default { host } else { text },
            has_default_port: is_default,
        })
    }

    /// Returns it without the default port, in the case it was written in.
    pub(super) const fn host_and_port(&self) -> &'a [u8] {
        self.host_and_port
    }

    /// Returns whether the default port was written out.
    pub(super) const fn has_default_port(&self) -> bool {
        self.has_default_port
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.host_and_port.eq_ignore_ascii_case(other.host_and_port)
    }
}

/// Which bytes the name of a host has in it. A table: it is asked for each byte of each request's host.
const IS_OF_A_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let ascii = byte as u8;
        table[byte] =
            ascii.is_ascii_alphanumeric() || matches!(ascii, b'-' | b'.' | b'_' | b'~' | b'%');
        byte += 1;
    }
    table
};

fn is_host(host: &[u8]) -> bool {
    let inside = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"));
    match inside {
        Some(address) => {
            let is_address = |byte: &u8| byte.is_ascii_alphanumeric() || b":.-_~".contains(byte);
            !address.is_empty() && address.iter().all(is_address)
        }
        None => {
            let is_name = |byte: &u8| IS_OF_A_NAME[usize::from(*byte)];
            !host.is_empty() && host.iter().all(is_name)
        }
    }
}
