//! What `Accept-Encoding` and `Accept-Language` mean, whatever they look like: RFC 9110, sections 12.4 and 12.5.

use std::cmp::Reverse;

use smallvec::SmallVec;

use crate::tchar::is_tchar;

/// The text of a field, on the stack unless it is long.
pub(super) type Text = SmallVec<[u8; 64]>;

/// A member of a list with its weight in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weighted<'a> {
    weight: Reverse<u16>,
    name: &'a [u8],
}

type List<'a> = SmallVec<[Weighted<'a>; 8]>;

/// More languages than that which a client likes best are none that it likes best.
const MOST: usize = 8;

/// Returns a list of weighted names in the one form that all lists of the same meaning share: lower case, by weight, those
/// of the same weight by name. `None`: it is none.
pub(super) fn canonical(value: &[u8]) -> Option<Text> {
    let lower = lower(value);
    let list = parse(&lower)?;
    let mut text = Text::new();
    for member in &list {
        put(&mut text, member.name, Some(member.weight.0));
    }
    Some(text)
}

/// Returns which of some codings are accepted, and whether others are refused, without a preference. `None`: it is no list.
///
/// A response in one of these codings, or in none, that is acceptable to a request is so to all with the same text.
pub(super) fn codings(value: &[u8], known: &[&str]) -> Option<Text> {
    let lower = lower(value);
    let mut list = parse(&lower)?;
    let others = list
        .iter()
        .find(|member| member.name == b"*")
        .map(|member| member.weight.0 > 0);
    list.sort_unstable_by_key(|member| member.name);
    let mut text = Text::new();
    for member in &list {
        let accepted = member.weight.0 > 0;
        let tells = match member.name {
            b"*" => true,
            // A response in no coding is accepted by all who do not say otherwise.
            b"identity" => !accepted || others == Some(false),
            name => is_known(name, known) && (accepted || others == Some(true)),
        };
        if tells {
            put(&mut text, member.name, (!accepted).then_some(0));
        }
    }
    Some(text)
}

/// Returns whether a coding is one of these, by the lower-case name that [`codings`] has for it.
pub(super) fn is_known(coding: &[u8], known: &[&str]) -> bool {
    let is = |known: &&str| alias(coding) == alias(known.as_bytes());
    coding == b"identity" || known.iter().any(is)
}

/// Returns the languages that a client likes best, in lower case. None: it does not say so, says it of too many, or likes
/// all others better.
pub(super) fn favourites(value: &[u8]) -> SmallVec<[Text; 2]> {
    let lower = lower(value);
    let list = parse(&lower).unwrap_or_default();
    let best = list.first().map_or(Reverse(0), |member| member.weight);
    let favourites = list
        .iter()
        .take_while(|member| member.weight == best)
        .filter(|member| member.name != b"*");
    if best == Reverse(0) || favourites.clone().count() > MOST {
        return SmallVec::new();
    }
    favourites
        .map(|member| Text::from_slice(member.name))
        .collect()
}

pub(super) fn lower(value: &[u8]) -> Text {
    value.iter().map(u8::to_ascii_lowercase).collect()
}

/// Returns the members by weight, then name, each once.
fn parse(lower: &[u8]) -> Option<List<'_>> {
    let mut list = List::new();
    for member in lower.split(|&byte| byte == b',') {
        let member = member.trim_ascii();
        if !member.is_empty() {
            list.push(weighted(member)?);
        }
    }
    list.sort_unstable();
    list.dedup();
    Some(list)
}

fn weighted(member: &[u8]) -> Option<Weighted<'_>> {
    let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = alias(parts.next()?);
    let weight = match parts.next() {
        Some(weight) => weight.strip_prefix(b"q=").and_then(thousandths)?,
        None => 1000,
    };
    let is_name = !name.is_empty() && name.iter().all(|&byte| is_tchar(byte));
    (is_name && parts.next().is_none()).then_some(Weighted {
        weight: Reverse(weight),
        name,
    })
}

/// Reads a `qvalue` (section 12.4.2): at most three digits after the point, at most 1.
fn thousandths(value: &[u8]) -> Option<u16> {
    let (whole, fraction) = match value {
        [whole @ (b'0' | b'1')] => (whole, [].as_slice()),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for at in 0..3 {
        let digit = *fraction.get(at).unwrap_or(&b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        weight = weight * 10 + u16::from(digit - b'0');
    }
    (weight <= 1000).then_some(weight)
}

/// Appends a member. A weight of one is none.
fn put(text: &mut Text, name: &[u8], weight: Option<u16>) {
    if !text.is_empty() {
        text.push(b',');
    }
    text.extend_from_slice(name);
    if let Some(weight) = weight.filter(|weight| *weight < 1000) {
        text.extend_from_slice(b";q=0.");
        for place in [100, 10, 1] {
            // One digit.
            text.push(b'0' + (weight / place % 10) as u8);
        }
    }
}

/// RFC 9110, section 8.4.1.3.
fn alias(coding: &[u8]) -> &[u8] {
    match coding {
        b"x-gzip" => b"gzip",
        b"x-compress" => b"compress",
        coding => coding,
    }
}

#[cfg(test)]
mod tests;
