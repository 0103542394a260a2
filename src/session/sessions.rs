use super::config::Config;
use std::sync::Arc;
pub struct Sessions(Arc<Config>);
impl Sessions {
    pub(super) fn new(c: Arc<Config>) -> Self {
        Self(c)
    }
}
