//! What is rendered of a limit once, when a layer is built.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sfv::{ItemSerializer, StringRef};

use super::problem::Problem;

/// A limit as answers show it.
///
/// A name is shown as it is where it is printable ASCII without `%`; everything else is percent-encoded as UTF-8. So
/// every name has one form, which fits structured fields ([RFC 9651 section
/// 3.3.3](https://www.rfc-editor.org/rfc/rfc9651#section-3.3.3)), JSON and gRPC, and no two names share theirs.
#[derive(Clone, Debug)]
pub(super) struct Label {
    name: &'static str,
    text: Cow<'static, str>,
    quoted: String,
    unit: Option<String>,
    used_up: Bytes,
    never: Bytes,
    missing: Bytes,
    unavailable: Bytes,
}

impl Label {
    /// Renders a name, and the unit of the quota where that is not requests.
    pub(super) fn new(name: &'static str, unit: Option<&'static str>) -> Self {
        let text = printable(name);
        let quoted = quoted(&text);
        let unit = unit
            .filter(|unit| *unit != "requests")
            .map(|unit| self::quoted(&printable(unit)));
        let document = |problem: Problem| problem.document(&[&quoted]);
        Self {
            used_up: document(Problem::UsedUp),
            never: document(Problem::Never),
            missing: document(Problem::MissingIdentifier),
            unavailable: document(Problem::StoreUnavailable),
            name,
            text,
            quoted,
            unit,
        }
    }

    /// Returns the name as the limit has it.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the name in printable ASCII.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name in quotes: a String of structured fields, and of JSON.
    pub(super) fn quoted(&self) -> &str {
        &self.quoted
    }

    /// Returns the unit in quotes, unless it is requests.
    pub(super) fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// Returns the document of a problem with this limit alone.
    pub(super) const fn document(&self, problem: Problem) -> &Bytes {
        match problem {
            Problem::UsedUp => &self.used_up,
            Problem::Never => &self.never,
            Problem::MissingIdentifier => &self.missing,
            Problem::StoreUnavailable => &self.unavailable,
        }
    }
}

/// Puts printable ASCII into quotes. Quotes and backslashes are escaped as in JSON, which escapes nothing else of it.
pub(super) fn quoted(text: &str) -> String {
    let text = StringRef::from_str(text).expect("the text is printable ASCII");
    ItemSerializer::new().bare_item(text).finish()
}

fn printable(text: &'static str) -> Cow<'static, str> {
    // Whatever is not ASCII is encoded as well.
    const HIDDEN: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(text, HIDDEN).into()
}

#[cfg(test)]
pub(super) mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use sfv::{Item, Parser};

    use super::*;

    /// Names that would break a header, a document or a message which took them as they are.
    pub(in super::super) fn hostile_names() -> [&'static str; 14] {
        [
            "api",
            " ",
            "a\"b",
            "a\\",
            "\\\"",
            "\r\nset-cookie: a=b",
            "\0\u{1f}\u{7f}\u{80}",
            "50%",
            "50%25",
            "a, b;q=1",
            "größe 🦀",
            "gr%C3%B6%C3%9Fe",
            "</script>",
            String::leak("\"ü\\%".repeat(2_000)), // 10 kB
        ]
    }

    fn parsed(quoted: &str) -> String {
        let item: Item = Parser::new(quoted).parse().expect("a structured field");
        let text = item.bare_item.as_string().expect("a string");
        text.as_str().to_owned()
    }

    fn assert_round_trip(name: &'static str) {
        let label = Label::new(name, Some(name));
        assert_eq!(parsed(label.quoted()), label.text());
        assert_eq!(label.unit(), Some(label.quoted()));
        let json: String = serde_json::from_str(label.quoted()).expect("a JSON string");
        assert_eq!(json, label.text());
        assert!(label.text().bytes().all(|b| (b' '..=b'~').contains(&b)));
        let name_again = percent_decode_str(label.text()).decode_utf8();
        assert_eq!(name_again.ok().as_deref(), Some(name));
    }

    #[test]
    fn every_name_is_a_string_of_structured_fields_and_of_json_that_can_be_read_back() {
        hostile_names().into_iter().for_each(assert_round_trip);
    }

    proptest! {
        #[test]
        fn any_name_can_be_read_back(name in any::<String>()) {
            assert_round_trip(name.leak());
        }
    }

    #[test]
    fn a_plain_name_is_shown_as_it_is_and_requests_are_no_unit_to_speak_of() {
        let label = Label::new("per user (hour)", Some("requests"));
        assert_eq!(label.name(), "per user (hour)");
        assert_eq!(label.text(), "per user (hour)");
        assert_eq!(label.quoted(), r#""per user (hour)""#);
        assert_eq!(label.unit(), None);
    }
}
