//! axum's way.

use axum::extract::MatchedPath;
use http::Extensions;

#[inline]
pub(super) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get().map(MatchedPath::as_str)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, extract::Request, routing::get};
    use tower::ServiceExt as _;

    use super::super::{MatchedRoute, is_axum, of};

    #[tokio::test]
    async fn the_route_that_axum_matched_comes_first() {
        let told = async |request: Request| {
            assert!(is_axum(request.extensions()));
            of(request.extensions()).unwrap_or("").to_owned()
        };
        let app: Router = Router::new().route("/users/{id}", get(told));
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/users/7".parse().expect("a path");
        request.extensions_mut().insert(MatchedRoute::new("/other"));
        let response = app.oneshot(request).await.expect("axum is infallible");
        let body = axum::body::to_bytes(response.into_body(), 64).await;
        assert_eq!(body.expect("a short body"), "/users/{id}");
    }
}
