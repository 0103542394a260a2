//! What a CORS preflight is (Fetch standard, "CORS-preflight fetch").

use http::{
    HeaderMap, Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};

/// Returns whether a browser asks, before a request, if it may send it.
///
/// Without the two headers, `OPTIONS` is a request like any other. Whoever sends them gets past a limit that exempts
/// preflights, but only with `OPTIONS`.
#[inline]
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_preflight_is_options_with_both_headers() {
        for (method, names, expected) in [
            (
                Method::OPTIONS,
                &["origin", "access-control-request-method"][..],
                true,
            ),
            (
                Method::GET,
                &["origin", "access-control-request-method"],
                false,
            ),
            (Method::OPTIONS, &["origin"], false),
            (Method::OPTIONS, &["access-control-request-method"], false),
            (
                Method::OPTIONS,
                &["origin", "access-control-request-headers"],
                false,
            ),
            (Method::OPTIONS, &[], false),
        ] {
            let headers: HeaderMap = names
                .iter()
                .map(|name| {
                    (
                        http::HeaderName::from_static(name),
                        HeaderValue::from_static(""),
                    )
                })
                .collect();
            assert_eq!(
                is_preflight(&method, &headers),
                expected,
                "{method} {names:?}"
            );
        }
    }
}
