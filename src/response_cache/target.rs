//! The target of a request, as its client sent it.

#[cfg(feature = "axum")]
mod axum;

#[cfg(not(feature = "axum"))]
use http::Extensions;
use http::{Request, Uri};

#[cfg(feature = "axum")]
use self::axum::original;
#[cfg(not(feature = "axum"))]
use self::none as original;

/// Returns the URI that a request came with: a router that nests others shows them the rest of the path, and `/v1/users`
/// is not `/v2/users`.
///
/// Where the URI was rewritten to something else, that is what the service answers.
pub(super) fn of<B>(request: &Request<B>) -> &Uri {
    let seen = request.uri();
    original(request.extensions())
        .filter(|original| is_rest(seen, original))
        .unwrap_or(seen)
}

fn is_rest(seen: &Uri, original: &Uri) -> bool {
    // A nested router calls the path that it is nested at `/`.
    let rest = if seen.path() == "/" { "" } else { seen.path() };
    original.path().ends_with(rest) && seen.query() == original.query()
}

#[cfg(not(feature = "axum"))]
const fn none(_: &Extensions) -> Option<&Uri> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rest_of_a_path_stands_for_the_whole() {
        let uri = |text: &str| text.parse::<Uri>().expect("a URI");
        for (seen, original, is) in [
            ("/users", "/v1/users", true),
            ("/", "/v1", true),
            ("/", "/v1/", true),
            ("/users?a=1", "/v1/users?a=1", true),
            ("/users?a=1", "/v1/users?a=2", false),
            ("/users", "/v1/people", false),
            ("/users", "/users", true),
            ("/internal/users", "/users", false),
        ] {
            assert_eq!(
                is_rest(&uri(seen), &uri(original)),
                is,
                "{seen} of {original}"
            );
        }
    }
}
