//! One HTTP request, by the host's `fetch`.

use reqwest::RequestBuilder;
use send_wrapper::SendWrapper;

use super::{failure::Failure, response::Answer};

/// Sends a request, and reads its answer whole.
pub(super) fn exchange(
    request: RequestBuilder,
    limit: usize,
) -> impl Future<Output = Result<Answer, Failure>> + Send {
    // There is one thread.
    SendWrapper::new(async move {
        let response = request.send().await.map_err(failure)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let length = response.content_length().unwrap_or_default();
        if usize::try_from(length).is_ok_and(|length| length <= limit) {
            let body = response.bytes().await.map_err(failure)?;
            if body.len() <= limit {
                return Ok(Answer {
                    status,
                    headers,
                    body,
                });
            }
        }
        Err(Failure::unavailable("an answer beyond all bounds"))
    })
}

fn failure(error: reqwest::Error) -> Failure {
    // Of a large write, the URL has the key.
    Failure::unavailable("the request failed").because(error.without_url())
}

/// The client of the host, which has its own time limits and connections.
pub(super) fn client(_connect_time_limit: std::time::Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().build()
}

/// Returns how many requests are on the way at once: any number, whatever is asked for, so that no command waits in the
/// queue beyond its turn of the event loop.
///
/// In a Worker, a turn belongs to one request, and what a request has under way ends with it: a driver that took what
/// another request had queued might never come back, and would keep its lane.
pub(super) const fn lanes(_asked: usize) -> usize {
    usize::MAX
}

/// Whether the client speaks TLS.
pub(super) const TLS: bool = true;
