//! Texts that name no session.

use std::{error, fmt};

/// Not the text of a [`SessionId`](super::SessionId). It says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSessionId(pub(super) ());

impl fmt::Display for InvalidSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a session is 22 letters of base64url")
    }
}

impl error::Error for InvalidSessionId {}
