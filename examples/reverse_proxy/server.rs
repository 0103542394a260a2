//! The side of the clients.

use std::{error::Error, io, pin::pin, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time,
};
use tower::{Service, ServiceExt as _};

use crate::fields;

/// How long answers under way may take after the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `end`, and lets answers under way end.
pub(crate) async fn serve<S, B>(listener: TcpListener, service: S, end: impl Future<Output = ()>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (closing, closed) = watch::channel(());
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, service.clone(), closed.clone()));
            }
            Err(error) => backed_off(&error).await,
        }
    }
    drop((listener, closed));
    let _ = closing.send(());
    let _ = time::timeout(GRACE, closing.closed()).await;
}

/// A client that went before it was accepted is its own affair; too many open files need time.
async fn backed_off(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        time::sleep(Duration::from_millis(50)).await;
    }
}

async fn connection<S, B>(stream: TcpStream, service: S, mut closing: watch::Receiver<()>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| answer(service.clone(), request));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), answer)
    );
    // What went wrong on a connection is known to its client, or nobody's concern.
    tokio::select! {
        biased;
        _ = &mut connection => return,
        _ = closing.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer<S, B>(
    service: S,
    mut request: Request<Incoming>,
) -> Result<Response<Either<B, Full<Bytes>>>, S::Error>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fields::into_origin_form(&mut request);
    match service.oneshot(request).await {
        Ok(mut response) => {
            // That of the client is hyper's affair.
            *response.version_mut() = Version::HTTP_11;
            fields::strip_hop_by_hop(response.headers_mut());
            Ok(response.map(Either::Left))
        }
        Err(error) => Ok(bad_gateway(&*error.into()).map(Either::Right)),
    }
}

fn bad_gateway(error: &(dyn Error + Send + Sync)) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{error}\n")));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
