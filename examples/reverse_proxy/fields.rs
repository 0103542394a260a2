//! What an intermediary does to the fields of messages.

use http::{
    HeaderMap, HeaderName, Request, Uri,
    header::{self, HeaderValue},
    uri::PathAndQuery,
};

/// The fields of one connection that need not be listed in `Connection`
/// ([RFC 9110, section 7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)).
const HOP_BY_HOP: [HeaderName; 5] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes the fields that are meant for the neighbour alone.
pub(crate) fn strip_hop_by_hop(fields: &mut HeaderMap) {
    if fields.contains_key(header::CONNECTION) {
        for name in listed(fields) {
            fields.remove(name);
        }
        fields.remove(header::CONNECTION);
    }
    for name in HOP_BY_HOP {
        fields.remove(name);
    }
}

/// Returns the names that `Connection` lists, but for those that frame the message or say whom it is for: a client must
/// not be able to take them away.
fn listed(fields: &HeaderMap) -> Vec<HeaderName> {
    fields
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST)
        .collect()
}

/// Makes of a request for any target one in origin form, whose `Host` is the target's authority
/// ([RFC 9112, section 3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2)).
pub(crate) fn into_origin_form<B>(request: &mut Request<B>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request.headers_mut().insert(header::HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
}
