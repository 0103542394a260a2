//! One HTTP request, by the host's `fetch`.

use reqwest::RequestBuilder;
use send_wrapper::SendWrapper;

use super::{
    failure::Failure,
    response::{Answer, NoAnswer},
};

/// Sends a request, and reads its answer whole: one that does not say how long it is before anything can be counted.
pub(super) fn exchange(
    request: RequestBuilder,
    limit: usize,
) -> impl Future<Output = Result<Answer, NoAnswer>> + Send {
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
        Err(NoAnswer::TooLong(limit))
    })
}

fn failure(error: reqwest::Error) -> NoAnswer {
    // Of a large write, the URL has the key.
    let failure = Failure::unavailable("the request failed");
    NoAnswer::Failed(failure.because(error.without_url()))
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
