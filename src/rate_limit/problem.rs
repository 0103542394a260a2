//! What is wrong with a refused request, in words: [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents
//! with the types of [draft-ietf-httpapi-ratelimit-headers](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).

use bytes::Bytes;
use http::StatusCode;

use super::label::quoted;

/// The kinds of refusals that need words of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    UsedUp,
    Never,
    MissingIdentifier,
    StoreUnavailable,
}

impl Problem {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::UsedUp | Self::Never => StatusCode::TOO_MANY_REQUESTS,
            Self::MissingIdentifier => StatusCode::BAD_REQUEST,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns what a human should know. `names` are those of the limits, in quotes.
    pub(super) fn detail(self, names: &[&str]) -> String {
        let one = names.len() == 1;
        let limits = format!(
            "{} {}",
            if one { "limit" } else { "limits" },
            names.join(", ")
        );
        match self {
            Self::UsedUp => {
                let have = if one { "has" } else { "have" };
                format!("The {limits} {have} too little left for this request: try again later.")
            }
            Self::Never => {
                let allow = if one { "allows" } else { "allow" };
                format!("The {limits} never {allow} this request: trying again is of no use.")
            }
            Self::MissingIdentifier => {
                let need = if one { "needs" } else { "need" };
                format!(
                    "The {limits} {need} to know whose request this is, and nothing in it tells."
                )
            }
            Self::StoreUnavailable => {
                format!("The {limits} cannot be checked now: try again later.")
            }
        }
    }

    /// Returns the document. `names` as for [`detail`](Self::detail): printable ASCII in quotes is the same in JSON.
    pub(super) fn document(self, names: &[&str]) -> Bytes {
        let (kind, title) = match self {
            Self::UsedUp | Self::Never => (
                "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "Quota exceeded",
            ),
            // The type says no more than the status, whose words are the title (RFC 9457 section 4.2.1).
            Self::MissingIdentifier => ("about:blank", "Bad Request"),
            Self::StoreUnavailable => (
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
                "Temporarily reduced capacity",
            ),
        };
        let status = self.status().as_u16();
        let detail = quoted(&self.detail(names));
        let violated = if self == Self::MissingIdentifier {
            String::new()
        } else {
            format!(r#","violated-policies":[{}]"#, names.join(","))
        };
        format!(
            r#"{{"type":"{kind}","title":"{title}","status":{status},"detail":{detail}{violated}}}"#
        )
        .into()
    }
}
