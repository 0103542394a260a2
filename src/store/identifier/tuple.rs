//! Identifiers made of several: an address and a route, a tenant and a user.
//!
//! A tuple is its parts one after another, each with its tag and its length in front, so that no other parts have the
//! same bytes. As text it is in parentheses, with commas between the parts: marks that escaping never produces.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;

use super::Identifier;

impl Identifier {
    /// Takes several identifiers as one, which equals no other: not that of the same parts in another order, not that
    /// of parts that are otherwise cut, not a part alone, and not what a tuple of tuples holds if it is laid flat.
    ///
    /// [Secrets](Self::secret) among them remain secrets. Two short parts need no allocation: an IPv4 address or an IPv6
    /// network of 64 bits, and a name of up to 24 bytes. Of parts that are together longer than 255 bytes, with two
    /// more for each, the SHA-256 is taken.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use tower_upstash::store::Identifier;
    ///
    /// let client = Identifier::from(IpAddr::from([203, 0, 113, 9]));
    /// let route = Identifier::from("/users/{id}");
    /// assert_eq!(Identifier::tuple(&[client, route]).to_text(), "(@203.0.113.9,%2Fusers%2F%7Bid%7D)");
    /// ```
    #[must_use]
    pub fn tuple(parts: &[Self]) -> Self {
        let mut bytes = SmallVec::<[u8; 64]>::new();
        for part in parts {
            let (tag, content) = part.split();
            // The zeros at the end of a network are known to be there.
            let content = match tag {
                Self::IPV6 => trim_zeros(content),
                _ => content,
            };
            // No identifier holds more than 255 bytes.
            bytes.extend([tag, content.len() as u8]);
            bytes.extend_from_slice(content);
        }
        if bytes.len() > Self::LONGEST {
            Self::tagged(Self::TUPLE_DIGEST, &Sha256::digest(&bytes))
        } else {
            Self::tagged(Self::TUPLE, &bytes)
        }
    }
}

fn trim_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = bytes {
        bytes = rest;
    }
    bytes
}

/// Writes the parts between parentheses. A comma ends a part; that of the last one is left out, unless the part is empty:
/// no parts are not one empty part.
pub(super) fn write(mut parts: &[u8], text: &mut String) {
    text.push('(');
    let mut is_first = true;
    let mut is_empty = false;
    while let [tag, len, rest @ ..] = parts
        && let Some((content, after)) = rest.split_at_checked(usize::from(*len))
    {
        if !is_first {
            text.push(',');
        }
        let before = text.len();
        super::write(*tag, content, text);
        is_empty = text.len() == before;
        is_first = false;
        parts = after;
    }
    text.push_str(if is_empty { ",)" } else { ")" });
}

pub(super) fn write_digest(digest: &[u8], text: &mut String) {
    text.push_str("(#");
    URL_SAFE_NO_PAD.encode_string(digest, text);
    text.push(')');
}

/// Reads an identifier from the beginning of a text, and returns what comes after it. It also takes other spellings.
pub(super) fn read(text: &str) -> Option<(Identifier, &str)> {
    let Some(mut rest) = text.strip_prefix('(') else {
        let end = text.find(['(', ')', ',']).unwrap_or(text.len());
        let (part, rest) = text.split_at(end);
        return Some((Identifier::from_part(part)?, rest));
    };
    if let Some(rest) = rest.strip_prefix('#') {
        let (digest, rest) = rest.split_once(')')?;
        let digest: [u8; 32] = URL_SAFE_NO_PAD.decode(digest).ok()?.try_into().ok()?;
        return Some((Identifier::tagged(Identifier::TUPLE_DIGEST, &digest), rest));
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if let Some(rest) = rest.strip_prefix(')') {
            return Some((Identifier::tuple(&parts), rest));
        }
        let (part, after) = read(rest)?;
        parts.push(part);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    None
}

/// The longest text of a tuple without secrets: [`read`] goes no deeper than that.
pub(super) const LONGEST_TEXT: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::{
        super::{Repr, tests::part},
        *,
    };

    fn tree() -> impl Strategy<Value = Identifier> {
        part().prop_recursive(4, 24, 4, |parts| {
            prop::collection::vec(parts, 0..4).prop_map(|parts| Identifier::tuple(&parts))
        })
    }

    /// Parts that are equal only if they are the same: for what a tuple must tell apart.
    fn lists() -> impl Strategy<Value = Vec<Identifier>> {
        prop::collection::vec(tree(), 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn tuples_are_equal_where_their_parts_are(one in lists(), other in lists()) {
            let [a, b] = [&one, &other].map(|parts| Identifier::tuple(parts));
            prop_assert_eq!(one == other, a == b);
            prop_assert_eq!(one == other, a.to_text() == b.to_text());
            prop_assert!(one.iter().all(|part| *part != a && part.to_text() != a.to_text()));
        }

        #[test]
        fn text_and_back_is_the_same(id in tree()) {
            let text = id.to_text();
            prop_assert!(text.len() <= LONGEST_TEXT);
            prop_assert_eq!(Identifier::from_text(&text), Some(id));
        }

        #[test]
        fn any_text_is_at_most_one_identifier(text in "[(),#~a%2C*@]{0,12}|.{0,20}") {
            if let Some(id) = Identifier::from_text(&text) {
                prop_assert_eq!(id.to_text(), text);
            }
        }
    }

    fn names(names: &[&str]) -> Identifier {
        let names: Vec<_> = names.iter().map(|name| Identifier::from(*name)).collect();
        Identifier::tuple(&names)
    }

    /// R22.
    #[test]
    fn no_two_of_these_are_the_same() {
        let ip = Identifier::from(IpAddr::from([192, 0, 2, 1]));
        let wrap = |part: &Identifier| Identifier::tuple(std::slice::from_ref(part));
        let pair = |a: &Identifier, b: &Identifier| Identifier::tuple(&[a.clone(), b.clone()]);
        let [a, b] = ["a", "b"].map(Identifier::from);
        let huge = Identifier::tuple(&vec![a.clone(); 200]);
        let all = [
            names(&[]),
            names(&[""]),
            names(&["", ""]),
            names(&["a"]),
            names(&["a", ""]),
            names(&["", "a"]),
            names(&["a", "b"]),
            names(&["b", "a"]),
            names(&["ab"]),
            names(&["a,b"]),
            names(&["(a,b)"]),
            names(&["a:b", "c"]),
            names(&["a", "b:c"]),
            names(&["a", "b", "c"]),
            names(&["n\u{1}a", "b"]),
            names(&["@192.0.2.1"]),
            names(&["~", "*", "!"]),
            pair(&names(&["a", "b"]), &Identifier::from("c")),
            pair(&a, &names(&["b", "c"])),
            wrap(&names(&["a", "b"])),
            wrap(&names(&[])),
            wrap(&ip),
            ip.clone(),
            a.clone(),
            Identifier::from("(a,b)"),
            Identifier::from("()"),
            Identifier::from(""),
            wrap(&Identifier::missing()),
            wrap(&Identifier::hashed("a")),
            wrap(&Identifier::secret("a")),
            pair(&Identifier::secret("a"), &b),
            pair(&a, &Identifier::secret("b")),
            wrap(&Identifier::from(IpAddr::from([0; 16]))),
            wrap(&Identifier::from(IpAddr::from([0, 0, 0, 0]))),
            wrap(&huge),
            Identifier::tuple(&vec![a.clone(); 201]),
            Identifier::hashed(b"n\x01a".repeat(200)),
            huge,
        ];
        for (at, one) in all.iter().enumerate() {
            for other in all.iter().skip(at + 1) {
                assert_ne!(one, other);
                assert_ne!(one.to_text(), other.to_text());
            }
        }
    }

    #[test]
    fn text_is_readable() {
        let ip = Identifier::from(IpAddr::from([192, 0, 2, 1]));
        let get = Identifier::tuple(&[ip.clone(), "GET".into(), Identifier::missing()]);
        assert_eq!(get.to_text(), "(@192.0.2.1,GET,*)");
        assert_eq!(
            Identifier::tuple(&[get, ip]).to_text(),
            "((@192.0.2.1,GET,*),@192.0.2.1)"
        );
        for (tuple, text) in [
            (&[][..], "()"),
            (&[""], "(,)"),
            (&["", "a"], "(,a)"),
            (&["a", ""], "(a,,)"),
        ] {
            assert_eq!(names(tuple).to_text(), text);
        }
    }

    #[test]
    fn a_secret_inside_is_hashed_as_outside_and_does_not_come_back() {
        let secret = Identifier::secret("hunter2");
        let inner = Identifier::tuple(&["a".into(), secret.clone()]);
        assert_eq!(inner.to_text(), format!("(a,{})", secret.to_text()));
        for id in [Identifier::tuple(std::slice::from_ref(&inner)), inner] {
            assert!(!id.to_text().contains("hunter2"));
            assert_eq!(Identifier::from_text(&id.to_text()), None);
        }
    }

    #[test]
    fn short_pairs_are_inline() {
        let route = Identifier::from("/api/v1/users/{id}/posts");
        for ip in [
            IpAddr::from([255; 4]),
            IpAddr::from([
                255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0,
            ]),
        ] {
            let pair = Identifier::tuple(&[ip.into(), route.clone()]);
            assert!(matches!(pair.0, Repr::Inline(..)));
            assert_eq!(Identifier::from_text(&pair.to_text()), Some(pair));
        }
    }

    #[test]
    fn what_is_large_is_hashed_and_what_is_deep_ends() {
        let id = Identifier::tuple(&[Identifier::new([0xff; 254]), "x".into()]);
        assert_eq!(id.to_text().len(), 43 + 3);
        assert_eq!(Identifier::from_text(&id.to_text()), Some(id));
        // As much text as 255 bytes can make.
        let network = Identifier::from(IpAddr::from([
            0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]));
        let id = Identifier::tuple(&vec![network; 85]);
        assert!((1000..=LONGEST_TEXT).contains(&id.to_text().len()));
        assert_eq!(Identifier::from_text(&id.to_text()), Some(id));

        let deep = (0..300).fold(names(&[]), |id, _| Identifier::tuple(&[id]));
        assert!(deep.to_text().len() < 300);
        for text in [
            "(".repeat(100_000),
            "(".repeat(1024),
            "(,".repeat(512),
            "()".repeat(500),
        ] {
            assert_eq!(Identifier::from_text(&text), None);
        }
    }

    #[test]
    fn another_spelling_is_no_tuple() {
        for text in [
            "(",
            ")",
            "(a",
            "a)",
            "(a,)",
            "(a))",
            "(a)b",
            "a,b",
            "(a(b))",
            "(@1.2.3,a)",
            "(#)",
            "(#AAAA)",
            "(!a)",
        ] {
            assert_eq!(Identifier::from_text(text), None, "{text}");
        }
    }
}
