//! Methods that the cache does not answer, and what they change: RFC 9111, section 4.4.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header::HOST};
use http_body::Body;
use tower_service::Service;

use super::{
    BoxError, ResponseBody,
    answer::How,
    config::Config,
    question::is_grpc,
    semantics::{
        cache_status::FwdReason,
        invalidation::{self, RequestTarget},
    },
    tags, target,
};

/// Passes a request on, and invalidates what it has changed before its answer goes out.
pub(super) async fn pass<S, ReqBody, ResBody>(
    config: Arc<Config>,
    mut service: S,
    request: Request<ReqBody>,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Body,
    ResBody: Body<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    let changes = config.changes(&request);
    let calling = service.call(request);
    drop(service);
    let response = calling.await?;
    if let Some(changes) = changes {
        config
            .invalidate_for(&changes, response.status(), response.headers())
            .await;
    }
    Ok(config.pass(response, How::forwarded(FwdReason::Method)))
}

/// What may have changed, if the answer says so.
struct Changes {
    method: Method,
    uri: Uri,
    /// Those that are part of keys.
    headers: HeaderMap,
}

impl Config {
    fn changes<B>(&self, request: &Request<B>) -> Option<Changes> {
        let is_safe = invalidation::is_safe(request.method());
        if !self.invalidates || is_safe || is_grpc(request.headers()) {
            return None;
        }
        let mut headers = HeaderMap::new();
        let policies = self.family.policies();
        let parts = policies.iter().flat_map(|policy| &policy.key_parts.headers);
        for name in parts.chain([&HOST]) {
            if !headers.contains_key(name) {
                for value in request.headers().get_all(name) {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        Some(Changes {
            method: request.method().clone(),
            uri: target::of(request).clone(),
            headers,
        })
    }

    async fn invalidate_for(
        self: &Arc<Self>,
        changes: &Changes,
        status: StatusCode,
        response: &HeaderMap,
    ) {
        let Changes {
            method,
            uri,
            headers,
        } = changes;
        let target = RequestTarget::new(uri, headers);
        let targets = invalidation::targets(method, status, target, response);
        let groups = tags::invalidated_groups(method, status, response, self.origin(uri, headers));
        if targets.is_empty() && groups.is_empty() {
            return;
        }
        let uris = targets.into_iter().filter_map(|target| {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = Some(target);
            Uri::from_parts(parts).ok()
        });
        let uris: Vec<Uri> = uris.collect();
        let work = self.forget(self.changed(&uris, headers, groups));
        self.hold_forgetting(work).await;
    }
}
