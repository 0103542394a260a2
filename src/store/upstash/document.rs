//! The JSON of an answer, read straight into replies: a tree of it would be many times as large as its text.

use std::{cell::Cell, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_core::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::response::Shape;
use crate::store::remote::Reply;

/// The most elements that the lists in an answer to one command have: twice the marks of a purge log, and more.
const ELEMENTS: usize = 1 << 18;
/// And in an answer to many.
const MAX_ELEMENTS: usize = 1 << 22;

/// A document of the REST interface.
pub(super) enum Document {
    One(Item),
    Many(Vec<Item>),
}

/// What is said about a command, or about the whole request.
pub(super) enum Item {
    Result(Reply),
    Error(String),
    /// In a shape that the interface does not have.
    Strange,
}

impl Document {
    /// Reads the answer to so many commands; `None` for what is none.
    pub(super) fn read(body: &[u8], shape: Shape) -> Option<Self> {
        let items = match shape {
            Shape::One => 1,
            Shape::Many(sent) => sent,
        };
        let most = ELEMENTS.saturating_mul(items).min(MAX_ELEMENTS);
        let left = &Cell::new(most);
        let mut json = serde_json::Deserializer::from_slice(body);
        let document = json.deserialize_any(Root { left, items }).ok()?;
        json.end().ok()?;
        Some(document)
    }
}

struct Root<'a> {
    left: &'a Cell<usize>,
    items: usize,
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        OneItem(self.left).visit_map(map).map(Document::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let mut items = Vec::with_capacity(self.items);
        while let Some(item) = list.next_element_seed(OneItem(self.left))? {
            if items.len() == self.items {
                return Err(A::Error::custom("more answers than commands"));
            }
            items.push(item);
        }
        Ok(Document::Many(items))
    }
}

/// An object with `result` or `error`.
struct OneItem<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for OneItem<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Item, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneItem<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let (mut result, mut error) = (None, Said::Null);
        while let Some(name) = map.next_key_seed(Words)? {
            match name {
                Said::Text(name) if name == "result" => {
                    result = Some(map.next_value_seed(OneReply(self.0))?);
                }
                Said::Text(name) if name == "error" => error = map.next_value_seed(Words)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(match (error, result) {
            (Said::Text(text), _) => Item::Error(text),
            (Said::Null, Some(Some(reply))) => Item::Result(reply),
            // An error that is no text is one all the same.
            (Said::Null | Said::Other, _) => Item::Strange,
        })
    }
}

/// What was said, if it is text.
enum Said {
    Null,
    Text(String),
    Other,
}

/// Reads text.
struct Words;

impl<'de> DeserializeSeed<'de> for Words {
    type Value = Said;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Said, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Words {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_unit<E: Error>(self) -> Result<Said, E> {
        Ok(Said::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said, E> {
        Ok(Said::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Said, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Said::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Said, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Said::Other)
    }
}

/// Reads a reply; `None` for one in a shape that the interface does not have, which fails no other.
struct OneReply<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for OneReply<'_> {
    type Value = Option<Reply>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneReply<'_> {
    type Value = Option<Reply>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(Reply::Nil))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Reply::Integer(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().map(Reply::Integer))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        // The one reply that is not encoded; no base64 has two characters.
        if text == "OK" {
            return Ok(Some(Reply::Text(Bytes::from_static(b"OK"))));
        }
        let bytes = STANDARD.decode(text).ok();
        Ok(bytes.map(|bytes| Reply::Text(bytes.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut replies = Some(Vec::new());
        while let Some(reply) = list.next_element_seed(OneReply(self.0))? {
            let left = self.0.get().checked_sub(1);
            self.0
                .set(left.ok_or_else(|| A::Error::custom("a list beyond all bounds"))?);
            match (&mut replies, reply) {
                (Some(replies), Some(reply)) => replies.push(reply),
                _ => replies = None,
            }
        }
        Ok(replies.map(Reply::Array))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(elements: usize) -> bool {
        let body = format!("{{\"result\":[[0],0{}]}}", ",0".repeat(elements - 3));
        Document::read(body.as_bytes(), Shape::One).is_some()
    }

    // Sixty megabytes of `0,` became two gigabytes.
    #[test]
    fn lists_have_so_many_elements() {
        assert!(list(ELEMENTS));
        assert!(!list(ELEMENTS + 1));
    }

    #[test]
    fn what_is_nested_beyond_all_bounds_is_no_answer() {
        let body = format!("{{\"result\":{}", "[".repeat(1 << 20));
        assert!(Document::read(body.as_bytes(), Shape::One).is_none());
    }
}
