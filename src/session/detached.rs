use super::{SessionInfo, config::Config};
use crate::store::Identifier;
use std::sync::Arc;
pub struct Detached(Arc<Config>, Identifier);
pub enum Check {
    Live(SessionInfo),
    Ended,
}
impl Detached {
    pub(super) fn new(c: Arc<Config>, i: Identifier) -> Self {
        Self(c, i)
    }
}
