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
    fill::Fill,
    lookup::Lookup,
    question::Question,
    semantics::vary,
};
use crate::flights::Join;

/// Answers with what is stale and sees to it that it is validated: in the background, or within the time that the policy
/// waits.
pub(super) async fn run<S, ReqBody, ResBody>(
    exchange: Exchange<S, ReqBody>,
    lookup: Lookup,
    before: Before,
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
    } = exchange;
    let now = lookup.now;
    let stale = lookup.stored(&config);
    let room = config.family.background.begin_within(MOST_REFRESHES);
    let executor = config
        .executor
        .clone()
        .filter(|executor| executor.is_here());
    let (Some(stale), Some(executor)) = (stale, executor) else {
        // Nothing to answer with, or nobody to refresh: this request does it.
        let fill = Fill {
            config,
            service,
            request,
            question,
            lookup,
            leader: None,
            dooms: before.dooms,
        };
        return fill.run().await;
    };
    let names = stale.head.vary.names.as_slice();
    let values = vary::digest_for(names, request.headers(), &config.policy.normalise);
    let flight = question.flight(&values, before.dooms);
    let joined = config.family.flights.join(&flight, now);
    let how = How::HIT.detail("refreshing");
    let response = config.hit(&question, request.headers(), stale, how, now);
    let (Join::Lead(leader), Some(room)) = (joined, room) else {
        return Ok(response); // Somebody else does it, or too many are.
    };
    let fill = Fill {
        config: Arc::clone(&config),
        service,
        request,
        question: question.clone(),
        lookup,
        leader: Some(leader),
        dooms: before.dooms,
    };
    let mut filling = Box::pin(fill.run());
    if let Some((wait, timer)) = config.policy.policy.wait_at_most.zip(config.timer.as_ref())
        && let Some(filled) = timer.within(wait, filling.as_mut()).await
    {
        // A failure is nothing that the client need see.
        let filled = filled
            .ok()
            .filter(|filled| !filled.status().is_server_error());
        return Ok(filled.unwrap_or(response));
    }
    let limit = config.refresh_limit;
    let timer = config.timer.clone();
    executor.spawn(async move {
        let refreshing = async {
            // Apart: an error need not be `Send`.
            let response = filling.await.ok();
            if let Some(response) = response {
                drain(response.into_body()).await;
            }
        };
        match timer {
            Some(timer) => {
                if timer
                    .within(limit, std::pin::pin!(refreshing))
                    .await
                    .is_none()
                {
                    config.refresh_failed(&question);
                }
            }
            None => refreshing.await,
        }
        drop(room);
    });
    Ok(response)
}

/// How many refreshes run at a time.
const MOST_REFRESHES: usize = 64;
/// How long nothing is refreshed again that could not be refreshed.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads a body to its end, or to its error.
async fn drain<B: Body>(body: B) {
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
