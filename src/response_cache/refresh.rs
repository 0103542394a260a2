//! Stale while revalidate: RFC 5861, section 3.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    BoxError, Event, ResponseBody,
    answer::How,
    config::Config,
    exchange::{Before, Exchange},
    lookup::Lookup,
    question::Question,
    semantics::vary,
};
use crate::{executor::Executor, flights::Join};

/// Answers with what is stale and sees to it that it is validated: in the background, or within the time that the policy
/// waits. Where nothing runs in the background, one of those who ask at a time waits for it.
pub(super) async fn run<S, ReqBody, ResBody>(
    exchange: Exchange<S, ReqBody>,
    lookup: Box<Lookup>,
    before: Before,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    let config = Arc::clone(&exchange.config);
    let now = lookup.now;
    let Some(stale) = lookup.stored(&config) else {
        // Nothing to answer with.
        return exchange.miss(lookup, before).await;
    };
    let headers = exchange.request.headers();
    let names = stale.head.vary.names.as_slice();
    let values = vary::digest_for(names, headers, &config.policy.normalise);
    let flight = exchange
        .question
        .flight(&values, before.dooms, lookup.base());
    // Also what nobody waits for is refreshed by one at a time.
    let joined = config.family.flights.enter(&flight);
    let room = config.family.refreshes.begin_within(MOST_REFRESHES);
    let how = How::HIT.detail("refreshing");
    let response = config.answer(&exchange.question, headers, stale, how, now);
    let stale = Event::Hit {
        policy: config.name(),
        stale: true,
    };
    let leader = match joined {
        Join::Lead(leader) => Some(Some(leader)),
        Join::Alone => Some(None),
        Join::Wait(_) | Join::Follow(_) => None,
    };
    let (Some(leader), Some(room)) = (leader, room) else {
        config.tell(&stale);
        return Ok(response); // Somebody else does it, or too many are.
    };
    let question = exchange.question.clone();
    let mut filling = Box::pin(exchange.into_fill(lookup, leader, before).run());
    let executor = config.executor.clone().filter(Executor::is_here);
    let wait = config.policy.policy.wait_at_most;
    let filled = match (&executor, wait.zip(config.timer.as_ref())) {
        // Nobody does it in the background.
        (None, _) => Some(filling.as_mut().await.ok()),
        (Some(_), None) => None,
        (Some(_), Some((wait, timer))) => {
            let filled = timer.within(wait, filling.as_mut()).await;
            filled.map(Result::ok)
        }
    };
    let (None, Some(executor)) = (&filled, executor) else {
        // A failure is nothing that the client need see.
        let filled = filled.flatten().filter(is_fine);
        if filled.is_none() {
            config.refresh_failed(&question);
            config.tell(&stale);
        }
        return Ok(filled.unwrap_or(response));
    };
    config.tell(&stale);
    let limit = config.refresh_limit;
    let timer = config.timer.clone();
    executor.spawn(async move {
        let refreshing = async {
            // Apart: an error need not be `Send`.
            let response = filling.await.ok().filter(is_fine);
            let is_fine = response.is_some();
            if let Some(response) = response {
                drain(response.into_body()).await;
            }
            is_fine
        };
        let refreshed = match timer {
            Some(timer) => timer.within(limit, std::pin::pin!(refreshing)).await,
            None => Some(refreshing.await),
        };
        if refreshed != Some(true) {
            config.refresh_failed(&question);
        }
        drop(room);
    });
    Ok(response)
}

/// Returns whether a refresh has brought anything.
fn is_fine<B>(response: &Response<B>) -> bool {
    !response.status().is_server_error()
}

/// How many refreshes run at a time.
const MOST_REFRESHES: usize = 64;
/// How long nothing is refreshed again that could not be refreshed.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads a body to its end, or to its error, if it is to be stored.
async fn drain<B>(body: ResponseBody<B>)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if !body.is_recorded() {
        return;
    }
    let mut body = std::pin::pin!(body);
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
}

impl Config {
    pub(super) fn is_backing_off(&self, question: &Question) -> bool {
        let flights = &self.family.flights;
        flights.is_backing_off(question.key.digest(), self.now())
    }

    pub(super) fn refresh_failed(&self, question: &Question) {
        let flights = &self.family.flights;
        flights.back_off(question.key.digest(), PAUSE, self.now());
        let policy = self.name();
        self.tell(&Event::RefreshFailed { policy });
    }
}
