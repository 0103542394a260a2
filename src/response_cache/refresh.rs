//! Stale while revalidate: RFC 5861, section 3.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    BoxError, Event, ResponseBody, answer::How, config::Config, exchange::Exchange, fill::Fill,
    lookup::Lookup, question::Question, semantics::vary,
};
use crate::flights::Join;

/// Answers with what is stale and sees to it that it is validated: in the background, or within the time that the policy
/// waits. Where nothing runs in the background, one of those who ask at a time waits for it.
pub(super) async fn run<S, ReqBody, ResBody>(
    exchange: Exchange<S, ReqBody>,
    lookup: Lookup,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    let Exchange {
        config,
        service,
        request,
        question,
        before,
    } = exchange;
    let (now, dooms) = (lookup.now, before.dooms);
    let Some(stale) = lookup.stored(&config) else {
        // Damaged: there is nothing to answer with.
        let fill = Fill {
            config,
            service,
            request,
            question,
            lookup,
            leader: None,
            in_vain: None,
            dooms,
        };
        return fill.run().await;
    };
    let names = stale.head.vary.names.as_slice();
    let values = vary::digest_for(names, request.headers(), &config.policy.normalise);
    let flight = question.flight(&values, dooms, lookup.base());
    let room = config.family.background.begin_within(MOST_REFRESHES);
    // Also what nobody waits for is refreshed by one at a time.
    let joined = config.family.flights.enter(&flight);
    let is_stale = !stale.head.freshness.is_fresh(now);
    let how = How::HIT.detail("refreshing");
    let response = config.answer(&question, request.headers(), stale, how, now);
    let hit = Event::Hit {
        policy: config.name(),
        stale: is_stale,
    };
    let (Join::Lead(leader), Some(room)) = (joined, room) else {
        // Somebody else does it, or too many are.
        config.tell(&hit);
        return Ok(response);
    };
    let fill = Fill {
        config: Arc::clone(&config),
        service,
        request,
        question: question.clone(),
        lookup,
        leader: Some(leader),
        in_vain: None,
        dooms,
    };
    let mut filling = Box::pin(fill.run());
    let executor = config.executor.clone();
    let executor = executor.filter(|executor| executor.is_here());
    let wait = config.policy.policy.wait_at_most;
    let filled = match (wait.zip(config.timer.as_ref()), &executor) {
        (_, None) => Some(filling.as_mut().await.ok()),
        (None, Some(_)) => None,
        (Some((wait, timer)), Some(_)) => {
            let filled = timer.within(wait, filling.as_mut()).await;
            filled.map(Result::ok)
        }
    };
    match (filled, executor) {
        (Some(filled), _) => {
            // A failure is nothing that the client need see.
            if let Some(filled) = config.refreshed(&question, filled) {
                return Ok(filled);
            }
            config.tell(&hit);
        }
        (None, Some(executor)) => {
            config.tell(&hit);
            let config = Arc::clone(&config);
            executor.spawn(async move {
                finish(&config, &question, filling).await;
                drop(room);
            });
        }
        (None, None) => {}
    }
    Ok(response)
}

/// Sees a refresh to its end, if that comes in time.
async fn finish<B, E>(
    config: &Config,
    question: &Question,
    filling: impl Future<Output = Result<Response<ResponseBody<B>>, E>>,
) where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let refreshing = async {
        // Apart: an error need not be `Send`.
        let filled = filling.await.ok();
        if let Some(response) = config.refreshed(question, filled) {
            drain(response.into_body()).await;
        }
    };
    match &config.timer {
        Some(timer) => {
            let in_time = timer.within(config.refresh_limit, pin!(refreshing)).await;
            if in_time.is_none() {
                config.refresh_failed(question);
            }
        }
        None => refreshing.await,
    }
}

/// How many refreshes run at a time.
const MOST_REFRESHES: usize = 64;
/// How long nothing is refreshed again that could not be refreshed.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads a body to its end, or to its error, if that is to be stored.
async fn drain<B>(body: ResponseBody<B>)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    if !body.is_recorded() {
        return;
    }
    let mut body = pin!(body);
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
}

impl Config {
    pub(super) fn is_backing_off(&self, question: &Question) -> bool {
        let flights = &self.family.flights;
        flights.is_backing_off(question.key.digest(), self.now())
    }

    /// Returns the answer to a refresh, unless it has failed: then the next one waits a little.
    fn refreshed<B>(
        &self,
        question: &Question,
        filled: Option<Response<B>>,
    ) -> Option<Response<B>> {
        let filled = filled.filter(|filled| !filled.status().is_server_error());
        if filled.is_none() {
            self.refresh_failed(question);
        }
        filled
    }

    pub(super) fn refresh_failed(&self, question: &Question) {
        let flights = &self.family.flights;
        flights.back_off(question.key.digest(), PAUSE, self.now());
        let policy = self.name();
        self.tell(&Event::RefreshFailed { policy });
    }
}
