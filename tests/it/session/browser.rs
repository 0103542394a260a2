//! A client that keeps cookies as browsers do, and sends requests to handlers that are given as closures.

use std::{
    cell::RefCell,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::SET_COOKIE};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::session::{Session, SessionError, SessionLayer};

/// What a cookie is beside its value: its name, path and domain tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    place: Vec<String>,
    value: String,
}

/// Clones are tabs of one browser.
#[derive(Clone)]
pub(super) struct Browser {
    layer: SessionLayer,
    jar: Arc<Mutex<Vec<Cookie>>>,
}

/// What came of a visit.
#[derive(Debug)]
pub(super) struct Seen<T> {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// What the handler has returned, whatever the client got.
    pub(super) result: Result<T, SessionError>,
}

impl<T> Seen<T> {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn lines(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.get_all(name).into_iter();
        lines.map(|value| value.to_str().unwrap()).collect()
    }

    pub(super) fn set_cookie(&self) -> Option<&str> {
        self.field("set-cookie")
    }

    /// Returns what the handler has returned, after a response of 200.
    #[track_caller]
    pub(super) fn value(self) -> T {
        assert_eq!(self.status, 200, "{}", self.body);
        self.result.unwrap()
    }
}

/// A request to `https://example.com/`.
pub(super) fn request(method: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri("https://example.com/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

impl Browser {
    pub(super) fn new(layer: &SessionLayer) -> Self {
        Self {
            layer: layer.clone(),
            jar: Arc::default(),
        }
    }

    /// Returns another browser that has the cookies of this one, as they are now: a thief, or a request under way.
    pub(super) fn copy(&self) -> Self {
        Self {
            layer: self.layer.clone(),
            jar: Arc::new(Mutex::new(self.jar.lock().unwrap().clone())),
        }
    }

    /// Returns the value of the only cookie, if there is one.
    pub(super) fn token(&self) -> Option<String> {
        let jar = self.jar.lock().unwrap();
        assert!(jar.len() < 2, "{jar:?}");
        jar.first().map(|cookie| cookie.value.clone())
    }

    fn line(&self) -> Option<String> {
        let jar = self.jar.lock().unwrap();
        let pairs = jar
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value));
        (!jar.is_empty()).then(|| pairs.collect::<Vec<_>>().join("; "))
    }

    fn keep(&self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|each| each == attribute);
        let in_place = |each: &&String| each.starts_with("path=") || each.starts_with("domain=");
        let place: Vec<String> = attributes.iter().filter(in_place).cloned().collect();
        if name.starts_with("__Host-") && !(has("secure") && place == ["path=/"]) {
            return; // as browsers do
        }
        let mut jar = self.jar.lock().unwrap();
        jar.retain(|cookie| (&*cookie.name, &cookie.place) != (name, &place));
        if !has("max-age=0") {
            jar.push(Cookie {
                name: name.into(),
                place,
                value: value.into(),
            });
        }
    }

    /// Gets a page.
    pub(super) async fn visit<T>(
        &self,
        handler: impl AsyncFnOnce(Session) -> Result<T, SessionError>,
    ) -> Seen<T> {
        self.answered(200, handler).await
    }

    /// Gets a page whose handler answers with a status.
    pub(super) async fn answered<T>(
        &self,
        status: u16,
        handler: impl AsyncFnOnce(Session) -> Result<T, SessionError>,
    ) -> Seen<T> {
        let with_head = async |session| {
            let value = handler(session).await?;
            let response = Response::builder().status(status);
            Ok((response.body(Full::from("page")).unwrap(), value))
        };
        self.send(request("GET", &[]), with_head).await
    }

    /// Posts a form, as a browser does that says where it comes from.
    pub(super) async fn post<T>(
        &self,
        site: &str,
        handler: impl AsyncFnOnce(Session) -> Result<T, SessionError>,
    ) -> Seen<T> {
        let handler = async |session| Ok((Response::default(), handler(session).await?));
        let request = request("POST", &[("sec-fetch-site", site)]);
        self.send(request, handler).await
    }

    /// Sends a request with the cookies that are kept, unless it has some, and keeps those of the response.
    pub(super) async fn send<T>(
        &self,
        mut request: Request<Full<Bytes>>,
        handler: impl AsyncFnOnce(Session) -> Result<(Response<Full<Bytes>>, T), SessionError>,
    ) -> Seen<T> {
        if let Some(line) = self.line() {
            let cookies = request.headers_mut().entry("cookie");
            cookies.or_insert(line.parse().unwrap());
        }
        let result = RefCell::new(None);
        let returned = &result;
        let mut handler = Some(handler);
        let service = service_fn(move |request: Request<Full<Bytes>>| {
            let handler = handler.take().unwrap();
            async move {
                let session = Session::of(request.extensions()).unwrap();
                let (response, value) = match handler(session).await {
                    Ok((response, value)) => (response, Ok(value)),
                    Err(error) => (error.to_response().map(Full::new), Err(error)),
                };
                *returned.borrow_mut() = Some(value);
                Ok::<_, Infallible>(response)
            }
        });
        let response = self.layer.layer(service).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().unwrap());
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Seen {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body).unwrap(),
            result: result.into_inner().unwrap(),
        }
    }
}
