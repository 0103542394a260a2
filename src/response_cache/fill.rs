//! One call of the service, and what becomes of its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::ETAG};
use http_body::Body;
use tower_service::Service;

use super::{
    BoxError, ResponseBody,
    called::Called,
    config::Config,
    digest::Digest,
    exchange::{Before, Leading},
    lookup::Lookup,
    personal::Marks,
    question::Question,
    semantics::validation::{self, Sent},
    target,
};

pub(super) struct Fill<S, ReqBody> {
    pub(super) config: Arc<Config>,
    /// Ready.
    pub(super) service: S,
    pub(super) request: Request<ReqBody>,
    pub(super) question: Question,
    pub(super) lookup: Box<Lookup>,
    /// For those who wait.
    pub(super) leader: Option<Leading>,
    /// The flight that was waited for, for too long.
    pub(super) in_vain: Option<Digest>,
    pub(super) before: Before,
}

impl<S, ReqBody, ResBody> Fill<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    /// # Errors
    /// That of the service, where nothing stale may take its place.
    pub(super) async fn run(self) -> Result<Response<ResponseBody<ResBody>>, S::Error> {
        let Self {
            config,
            mut service,
            mut request,
            question,
            lookup,
            leader,
            in_vain,
            before,
        } = self;
        let asked = request.headers().clone();
        let marks = Marks::of_request(request.extensions_mut());
        let sent = lookup.condition(&config, &question, request.headers_mut());
        let uri = target::of(&request).clone();
        let requested = config.now();
        let calling = service.call(request);
        // It has done what it was ready for.
        drop(service);
        let mut called = Called {
            config,
            question,
            lookup,
            leader,
            in_vain,
            before,
            uri,
            asked,
            marks,
            sent,
            requested,
            received: requested,
        };
        // No variable: an error need not be `Send`.
        let response = match calling.await {
            Err(error) => return called.disconnected().ok_or(error),
            Ok(response) => response,
        };
        called.received = called.config.now();
        let (parts, body) = response.into_parts();
        Ok(called.answered(parts, body).await)
    }
}

impl Lookup {
    /// Makes the request one that a shared response can answer, and a conditional one where something can be validated.
    fn condition(&self, config: &Config, question: &Question, request: &mut HeaderMap) -> Sent {
        let max = config.policy.policy.max_body;
        // What cannot be used is not asked about: a 304 would be no answer.
        let usable = self
            .usable(config, question)
            .filter(|packed| packed.is_sound(max));
        // A part, or the head, of what is not stored is asked for as it is, and not stored.
        if usable.is_none() && (question.is_range || question.is_head()) {
            return Sent::Nothing;
        }
        let own = usable.map(|packed| &packed.head.headers);
        let newest = self.newest(config, question);
        let newest = newest.filter(|packed| packed.is_sound(max));
        let newest = newest.map(|packed| &packed.head.headers);
        let newest = newest.filter(|newest| own.is_none_or(|own| !std::ptr::eq(own, *newest)));
        // Its tag alone: a date says nothing of what other requests get.
        let newest = newest.and_then(|newest| newest.get(ETAG));
        let newest = newest.map(|tag| HeaderMap::from_iter([(ETAG, tag.clone())]));
        validation::condition(request, own.into_iter().chain(&newest))
    }
}
