//! Addresses as proxies write them: `node` of RFC 7239 section 6, and what is written into `X-Forwarded-For`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str,
};

// `[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535` has 53.
pub(super) const LONGEST: usize = 64;

/// Reads an address, with a port or without, in brackets or not, with spaces and tabs around it.
///
/// `None` for everything else, also for an IPv6 address with a zone: it means something on one machine only.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = trim(text);
    if text.len() > LONGEST {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    let ip = match text.strip_prefix('[') {
        Some(rest) => bracketed(rest)?.into(),
        None => match text.split_once(':') {
            Some((ip, port)) if is_port(port) => ip.parse::<Ipv4Addr>().ok()?.into(),
            _ => text.parse::<IpAddr>().ok()?,
        },
    };
    Some(ip.to_canonical())
}

/// Strips optional white space (RFC 9110 section 5.6.3).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn bracketed(text: &str) -> Option<Ipv6Addr> {
    let (ip, rest) = text.split_once(']')?;
    if !rest.is_empty() && !rest.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    ip.parse().ok()
}

/// `node-port`: up to five digits, or an obfuscated one.
fn is_port(text: &str) -> bool {
    let (name, is_allowed): (_, fn(u8) -> bool) = match text.strip_prefix('_') {
        Some(name) => (name, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
        }),
        None if text.len() <= 5 => (text, |byte| byte.is_ascii_digit()),
        None => return false,
    };
    !name.is_empty() && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_ports_and_brackets() {
        for (text, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            (" \t192.0.2.7\t ", "192.0.2.7"),
            ("192.0.2.7:80", "192.0.2.7"),
            ("192.0.2.7:_a.b-c_9", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:65535", "2001:db8::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:1", "192.0.2.7"),
            ("::1", "::1"),
            ("64:ff9b::192.0.2.7", "64:ff9b::c000:207"),
        ] {
            let expected: IpAddr = expected.parse().expect("an address");
            assert_eq!(address(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn whatever_else_there_is_is_no_address() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "example.com",
            "192.0.2",
            "192.0.2.256",
            "192.0.02.7",
            "192.0.2.7:",
            "192.0.2.7:x",
            "192.0.2.7:123456",
            "192.0.2.7:+80",
            "192.0.2.7:_",
            "192.0.2.7:80:80",
            "192.0.2.7 192.0.2.8",
            "[192.0.2.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "[2001:db8::1]:",
            "[[2001:db8::1]]",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "\"192.0.2.7\"",
            "for=192.0.2.7",
            "192.0.2.7/32",
            "0x7f.1",
            "2130706433",
        ] {
            assert_eq!(address(text.as_bytes()), None, "{text}");
        }
        for bytes in [&b"192.0.2.7\xff"[..], &[b' '; 10_000], &[b'1'; 10_000]] {
            assert_eq!(address(bytes), None);
        }
    }
}
