//! axum's way.

use axum::extract::OriginalUri;
use http::{Extensions, Uri};

pub(super) fn original(extensions: &Extensions) -> Option<&Uri> {
    extensions.get().map(|OriginalUri(uri)| uri)
}
