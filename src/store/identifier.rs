//! Identifiers: whose entry it is.

mod tuple;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest as _, Sha256};

use super::siphash::{siphash128, siphash128_padded};

/// Whose entry it is: an address, a name, a hash.
///
/// Any bytes are allowed, also none. More than 255 bytes are replaced by their SHA-256, so that no input makes a key
/// large. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Repr);

// Whole words for the hash, the last byte of which is always zero.
const INLINE: usize = 40;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    // The first byte is a tag, so that an address never equals the name that spells it.
    Inline(u8, Words),
    Heap(Arc<[u8]>),
}

// Aligned, so that it is moved by the word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(8))]
struct Words([u8; INLINE]);

impl Identifier {
    const NAME: u8 = b'n';
    const IPV4: u8 = b'4';
    const IPV6: u8 = b'6';
    const DIGEST: u8 = b'~';
    const SECRET: u8 = b'!';
    const MISSING: u8 = b'*';
    const TUPLE: u8 = b'(';
    const TUPLE_DIGEST: u8 = b'#';
    const LONGEST: usize = 255;

    /// Takes the bytes as they are, up to 255 of them, and the SHA-256 of more.
    #[must_use]
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        if bytes.len() > Self::LONGEST {
            Self::hashed(bytes)
        } else {
            Self::tagged(Self::NAME, bytes)
        }
    }

    /// Takes the SHA-256 of the bytes: for session tokens, API keys and whatever else must not lie in a store.
    #[must_use]
    pub fn hashed(secret: impl AsRef<[u8]>) -> Self {
        Self::digest(Sha256::digest(secret).into())
    }

    /// Takes a secret that must not lie in a store, and hashes it only where the key becomes text: for API keys that
    /// name a limit. The memory store keeps no key, so it saves the SHA-256.
    #[must_use]
    pub fn secret(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        if secret.len() > Self::LONGEST {
            Self::hashed(secret)
        } else {
            Self::tagged(Self::SECRET, secret)
        }
    }

    /// Takes a SHA-256 that was made elsewhere.
    #[must_use]
    pub fn digest(sha256: [u8; 32]) -> Self {
        Self::tagged(Self::DIGEST, &sha256)
    }

    /// Stands for what nothing in a request tells: another identifier than any that something tells.
    pub(crate) fn missing() -> Self {
        Self::tagged(Self::MISSING, &[])
    }

    #[inline]
    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        if bytes.len() + 1 < INLINE {
            let mut inline = [0; INLINE];
            inline[0] = tag;
            inline[1..=bytes.len()].copy_from_slice(bytes);
            Self(Repr::Inline(bytes.len() as u8 + 1, Words(inline)))
        } else {
            Self(Repr::Heap([&[tag], bytes].concat().into()))
        }
    }

    fn as_tagged(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, Words(bytes)) => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Heap(bytes) => bytes,
        }
    }

    /// Returns the identifier as text, the last part of [`Key::to_text`](super::Key::to_text): a name with everything but
    /// letters, digits, `-`, `.` and `_` percent-encoded; `@` and an address, encoded likewise; `~` and a SHA-256 in
    /// base64url without padding; `!` and the same of a [secret](Self::secret); the parts of a [tuple](Self::tuple)
    /// between parentheses, with commas between them.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text);
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote: for stores that list the members of an index, or tags. `None` for
    /// anything else, and for a secret, which no text brings back: it names limits, not members or tags.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let is_bounded = text.len() <= tuple::LONGEST_TEXT;
        let (identifier, rest) = is_bounded.then(|| tuple::read(text))??;
        // One text for each identifier: another spelling is none of ours.
        (rest.is_empty() && identifier.to_text() == text).then_some(identifier)
    }

    /// Reads what is no tuple.
    fn from_part(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        Some(match bytes.split_first() {
            Some((b'~', digest)) => {
                Self::digest(URL_SAFE_NO_PAD.decode(digest).ok()?.try_into().ok()?)
            }
            Some((b'@', ip)) => {
                let ip = percent_decode(ip).decode_utf8().ok()?;
                Self::from(ip.parse::<IpAddr>().ok()?)
            }
            Some((b'*', [])) => Self::missing(),
            _ => Self::new(percent_decode(bytes).collect::<Vec<u8>>()),
        })
    }

    /// Returns a hash of the tag and the bytes.
    #[inline]
    pub(super) fn siphash(&self, key: (u64, u64)) -> (u64, u64) {
        match &self.0 {
            Repr::Inline(len, Words(bytes)) => siphash128_padded(key, bytes, usize::from(*len)),
            Repr::Heap(bytes) => siphash128(key, bytes),
        }
    }

    pub(super) fn write_text(&self, text: &mut String) {
        let (tag, bytes) = self.split();
        write(tag, bytes, text);
    }

    /// Returns the tag and what it tells the kind of.
    fn split(&self) -> (u8, &[u8]) {
        match self.as_tagged() {
            [tag, bytes @ ..] => (*tag, bytes),
            [] => (Self::NAME, &[]),
        }
    }
}

impl From<&str> for Identifier {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Identifier {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<u64> for Identifier {
    /// Takes the number as the name that spells it.
    fn from(id: u64) -> Self {
        Self::new(itoa::Buffer::new().format(id))
    }
}

impl From<IpAddr> for Identifier {
    /// Takes the address as it is. An IPv4 address mapped into IPv6 is another identifier than the address itself:
    /// see [`IpAddr::to_canonical`].
    #[inline]
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::tagged(Self::IPV4, &ip.octets()),
            IpAddr::V6(ip) => Self::tagged(Self::IPV6, &ip.octets()),
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").finish_non_exhaustive()
    }
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

pub(super) fn escape(bytes: &[u8]) -> String {
    percent_encode(bytes, ESCAPED).to_string()
}

fn write(tag: u8, bytes: &[u8], text: &mut String) {
    // No escaped name begins with one of these marks.
    match tag {
        Identifier::DIGEST => {
            text.push('~');
            URL_SAFE_NO_PAD.encode_string(bytes, text);
        }
        Identifier::SECRET => {
            text.push('!');
            URL_SAFE_NO_PAD.encode_string(Sha256::digest(bytes), text);
        }
        Identifier::MISSING => text.push('*'),
        Identifier::IPV4 => write_ip(Ipv4Addr::from(octets(bytes)).into(), text),
        Identifier::IPV6 => write_ip(Ipv6Addr::from(octets(bytes)).into(), text),
        Identifier::TUPLE => tuple::write(bytes, text),
        Identifier::TUPLE_DIGEST => tuple::write_digest(bytes, text),
        _ => text.extend(percent_encode(bytes, ESCAPED)),
    }
}

fn write_ip(ip: IpAddr, text: &mut String) {
    text.push('@');
    text.extend(percent_encode(ip.to_string().as_bytes(), ESCAPED));
}

/// Returns the bytes, and zeros where a tuple has left them out.
fn octets<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut octets = [0; N];
    octets
        .iter_mut()
        .zip(bytes)
        .for_each(|(octet, byte)| *octet = *byte);
    octets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Identifiers of every kind but secrets and tuples.
    pub(super) fn part() -> impl Strategy<Value = Identifier> {
        prop_oneof![
            4 => "[ab,()*!~@#]{0,3}".prop_map(Identifier::from),
            1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Identifier::new),
            1 => prop::sample::select(vec![0_u32, 1 << 24, u32::MAX])
                .prop_map(|ip| IpAddr::V4(ip.into()).into()),
            1 => prop::sample::select(vec![0_u128, 1, 1 << 96, 0x2001_0db8 << 96, u128::MAX])
                .prop_map(|ip| IpAddr::V6(ip.into()).into()),
            1 => "[ab]".prop_map(Identifier::hashed),
            1 => Just(Identifier::missing()),
        ]
    }

    #[test]
    fn text_and_back_is_the_same_for_all_but_secrets() {
        let names =
            [0, 1, 37, 38, 39, 40, 255, 256, 33_000].map(|len| Identifier::new(vec![0xff; len]));
        let addresses = [
            IpAddr::from([192, 0, 2, 7]),
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        ];
        let others = [
            Identifier::from("a:b é"),
            Identifier::hashed("x"),
            Identifier::missing(),
        ];
        for identifier in names
            .into_iter()
            .chain(addresses.map(Identifier::from))
            .chain(others)
        {
            assert_eq!(
                Identifier::from_text(&identifier.to_text()),
                Some(identifier)
            );
        }
        assert_eq!(
            Identifier::from_text(&Identifier::secret("key").to_text()),
            None
        );
    }

    #[test]
    fn another_spelling_is_no_identifier() {
        for text in [
            "~",
            "~AAAA",
            "@",
            "@1.2.3",
            "@1.2.3.4:5",
            "a:b",
            "%61",
            "%zz",
            "%3a",
            "*x",
            "é",
            "~~",
            "!",
        ] {
            assert_eq!(Identifier::from_text(text), None, "{text}");
        }
    }
}
