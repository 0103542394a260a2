//! CSRF tokens: bound to the token of a session, and new with each new one.

use super::{error::Result, token::Token};

/// Makes a CSRF token, another text each time.
pub(super) fn make(token: &Token) -> Result<String> {
    let _ = token;
    unimplemented!()
}

/// Returns whether a text is a CSRF token of this session.
pub(super) fn is_of(text: &str, token: &Token) -> bool {
    let _ = (text, token);
    unimplemented!()
}
