//! How tokens travel.

use http::HeaderMap;
use smallvec::SmallVec;

use super::{SessionCookie, lifetime::Times, token::Token};

/// How a token travels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transport(());

/// The tokens of a request, well-formed and each once.
#[derive(Clone, Default)]
pub(super) struct Presented {
    /// At most four.
    pub(super) tokens: SmallVec<[Token; 1]>,
    /// Which of the transports brought them; the first one if none did.
    pub(super) transport: usize,
    /// Whether the client sent anything in the place of a token, well-formed or not.
    pub(super) any: bool,
}

/// Reads the tokens of a request: the first transport that brings any.
pub(super) fn presented(transports: &[Transport], headers: &HeaderMap) -> Presented {
    let _ = (transports, headers);
    unimplemented!()
}

impl Transport {
    pub fn cookie(cookie: SessionCookie) -> Self {
        let _ = cookie;
        unimplemented!()
    }
}
