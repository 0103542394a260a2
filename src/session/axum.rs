//! axum's way: sessions as extractors, errors as responses.

use axum::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde_core::{Serialize, de::DeserializeOwned};

use super::{Session, SessionError, TypedSession};

/// Takes the session out of the extensions: nothing is read from the store. The rejection is
/// [`MissingLayer`](super::SessionErrorKind::MissingLayer).
impl<S, L> FromRequestParts<S> for Session<L>
where
    S: Sync,
    L: 'static,
{
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions)
    }
}

/// As for [`Session`].
impl<S, T, L> FromRequestParts<S> for TypedSession<T, L>
where
    S: Sync,
    T: Default + Serialize + DeserializeOwned + Send + Sync + 'static,
    L: 'static,
{
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions)
    }
}

/// Answers with [`to_response`](SessionError::to_response).
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Request, routing::get};
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;
    use crate::session::SessionErrorKind;

    async fn answer(app: Router) -> (StatusCode, String) {
        let response = app.oneshot(Request::new(Body::empty())).await;
        let response = response.expect("axum is infallible");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1024).await;
        let body = body.expect("a short body").to_vec();
        (status, String::from_utf8(body).expect("a text"))
    }

    #[tokio::test]
    async fn a_handler_without_the_layer_is_not_called() {
        let called = async |_: Session| "called";
        let (status, body) = answer(Router::new().route("/", get(called))).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body, error_document());
        let called = async |_: TypedSession<u64>| "called";
        let (status, body) = answer(Router::new().route("/", get(called))).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body, error_document());
    }

    fn error_document() -> String {
        let error = SessionError::of(SessionErrorKind::MissingLayer);
        let body = error.to_response().into_body().to_vec();
        String::from_utf8(body).expect("a text")
    }

    #[tokio::test]
    async fn an_error_of_a_handler_is_its_response() {
        let fails = async || SessionError::of(SessionErrorKind::CsrfToken);
        let (status, body) = answer(Router::new().route("/", get(fails))).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(
            body.contains(SessionErrorKind::CsrfToken.detail()),
            "{body}"
        );
    }

    #[tokio::test]
    async fn a_handler_may_see_that_the_layer_is_missing() {
        let told = async |session: Result<Session, SessionError>| {
            session.map_or_else(|error| error.to_string(), |_| String::new())
        };
        let (status, body) = answer(Router::new().route("/", get(told))).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("SessionLayer"), "{body}");
    }
}
