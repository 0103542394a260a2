use std::convert::Infallible;

use http::{
    Request, Response,
    header::{COOKIE, SET_COOKIE},
};
use http_body_util::Empty;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::*;
use crate::{
    session::SessionLayer,
    store::{MemoryStore, MeteredStore},
};

/// Sends a request to a handler, and returns the cookie that the response sets.
async fn send<F>(layer: &SessionLayer, cookie: &str, handler: fn(Session) -> F) -> String
where
    F: Future<Output = Result<()>>,
{
    let service = service_fn(async |request: Request<()>| {
        let session = Session::of(request.extensions()).expect("there is a layer");
        handler(session).await.expect("it is done");
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let request = Request::builder().header(COOKIE, cookie).body(());
    let answer = layer.layer(service).oneshot(request.expect("a request"));
    let answer = answer.await.expect("it is infallible");
    let line = answer.headers()[SET_COOKIE].to_str().expect("a text");
    line.split(';').next().expect("a pair").to_owned()
}

async fn login(session: Session) -> Result<()> {
    session.authenticate("alice")
}

async fn logout_everywhere(session: Session) -> Result<()> {
    assert_eq!(session.revoke_all().await?, 2);
    assert!(!session.exists().await?);
    Ok(())
}

#[tokio::test]
async fn to_log_out_everywhere_looks_for_nothing_that_it_has_ended() {
    let store = MeteredStore::new(MemoryStore::new());
    let layer = SessionLayer::new(store.clone());
    let here = send(&layer, "", login).await;
    send(&layer, "", login).await;

    let before = store.usage();
    assert_eq!(send(&layer, &here, logout_everywhere).await, "__Host-id=");
    let after = store.usage();
    assert_eq!(after.reads - before.reads, 1);
    assert_eq!(after.members - before.members, 2); // until nobody is listed
    assert_eq!(after.writes - before.writes, 1); // both sessions
    assert_eq!(after.refused, before.refused);
}
