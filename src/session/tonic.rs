//! tonic's way: errors as statuses.

use std::sync::Arc;

use tonic::{Code, Status};

use super::SessionError;

impl From<SessionError> for Status {
    /// Takes the code from the table of [`SessionError`], and the words of its [response](SessionError::to_response). The
    /// error is the source of the status, which is not sent.
    fn from(error: SessionError) -> Self {
        let kind = error.kind();
        let mut status = Self::new(Code::from_i32(kind.grpc_code().into()), kind.detail());
        status.set_source(Arc::new(error));
        status
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use http::HeaderMap;

    use super::*;
    use crate::{
        session::SessionErrorKind,
        store::{Error, ErrorKind},
    };

    #[test]
    fn a_status_is_what_the_layer_would_send() {
        for kind in SessionErrorKind::ALL {
            let error = SessionError::of(kind);
            let response = error.to_grpc_response(&HeaderMap::new());
            let sent = Status::from_header_map(response.headers()).expect("a status");
            let status = Status::from(error);
            assert_eq!(
                (status.code(), status.message()),
                (sent.code(), sent.message())
            );
            assert_ne!(status.code(), Code::Unknown, "{kind:?}");
            assert_ne!(status.code(), Code::Ok, "{kind:?}");
        }
    }

    #[test]
    fn the_cause_is_kept_and_not_sent() {
        let error = Error::new(ErrorKind::Timeout, "the cause");
        let status = Status::from(SessionError::from(error));
        assert_eq!(status.code(), Code::Unavailable);
        let source = status.source().and_then(|error| error.source());
        assert!(source.is_some_and(|cause| cause.to_string().contains("the cause")));
        let sent = status.into_http::<String>();
        assert!(!format!("{:?}", sent.headers()).contains("cause"));
    }
}
