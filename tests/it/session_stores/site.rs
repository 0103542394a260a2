//! Stores, layers over them, and clients who send requests through.

use std::{
    convert::Infallible,
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::response::IntoResponse;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use local_upstash::{Builder, LocalUpstash, RedisBuilder, RedisServer};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    session::{Lifetime, Session, SessionLayer},
    store::{MemoryStore, RedisStore, SharedStore, UpstashStore, UpstashStoreBuilder},
    time::{ManualClock, Timestamp},
};

/// More than any answer needs, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const LIFETIME: Lifetime = Lifetime::new(
    Duration::from_secs(30 * 60),
    Duration::from_secs(12 * 60 * 60),
);

/// A Redis whose clock is moved by hand, and two endpoints before it: one that knows conditional writes, one that does not.
pub(super) struct Site {
    pub(super) redis: RedisServer,
    pub(super) native: LocalUpstash,
    pub(super) scripted: LocalUpstash,
    pub(super) clock: ManualClock,
}

impl Site {
    pub(super) async fn start() -> Self {
        Self::with(RedisServer::builder(), |endpoint| endpoint).await
    }

    /// `settings` are for both endpoints.
    pub(super) async fn with(redis: RedisBuilder, settings: impl Fn(Builder) -> Builder) -> Self {
        let redis = redis.movable_clock().start().await.unwrap();
        let native = settings(LocalUpstash::builder().redis(&redis));
        let scripted = settings(LocalUpstash::builder().redis(&redis));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + redis.ahead();
        Self {
            native: native.start().await.unwrap(),
            scripted: scripted.without_conditional_writes().start().await.unwrap(),
            redis,
            clock: ManualClock::at(Timestamp::from_micros(now.as_micros() as u64)),
        }
    }

    pub(super) fn advance(&self, time: Duration) {
        self.redis.advance(time);
        self.clock.advance(time);
    }

    pub(super) fn tcp(&self) -> RedisStore {
        let store = RedisStore::builder(&self.redis.url()).time_limit(PATIENCE);
        store.build().unwrap()
    }

    /// Returns each store that there is over the site, as two processes open it.
    pub(super) fn places(&self, name: &'static str) -> Vec<Place<'_>> {
        let memory = MemoryStore::builder().clock(self.clock.clone()).build();
        let place = |kind, stores| Place {
            name: format!("{name}{kind}"),
            site: self,
            stores,
        };
        let http = |server| [(); 2].map(|()| http(server).build().unwrap().into());
        vec![
            place("memory", [memory.clone().into(), memory.into()]),
            place("HTTP", http(&self.native)),
            place("HTTP, scripts", http(&self.scripted)),
            place("TCP", [self.tcp().into(), self.tcp().into()]),
        ]
    }
}

pub(super) fn http(server: &LocalUpstash) -> UpstashStoreBuilder {
    UpstashStore::builder(&server.url(), server.token()).time_limit(PATIENCE)
}

/// A kind of store, and two processes that share one.
pub(super) struct Place<'a> {
    pub(super) name: String,
    pub(super) site: &'a Site,
    pub(super) stores: [SharedStore; 2],
}

impl Place<'_> {
    pub(super) fn is_memory(&self) -> bool {
        self.name.ends_with("memory")
    }

    /// Makes the layers of two processes.
    pub(super) fn two(&self) -> [SessionLayer; 2] {
        self.stores.clone().map(|store| {
            SessionLayer::new(store)
                .clock(self.site.clock.clone())
                .lifetime(LIFETIME)
                .time_limit(PATIENCE)
        })
    }

    pub(super) fn layer(&self) -> SessionLayer {
        let [layer, _] = self.two();
        layer
    }
}

/// Plays a scenario over every store that there is: with Redis 8, too, which has conditional writes of its own.
pub(super) async fn everywhere(scenario: impl AsyncFn(&Place<'_>)) {
    let play = async |site: &Site, name| {
        for place in site.places(name) {
            eprintln!("over {}", place.name);
            site.redis.command(&["FLUSHALL"]).await.unwrap();
            scenario(&place).await;
        }
    };
    play(&Site::start().await, "").await;
    let Some(binary) = env::var_os("REDIS8_SERVER") else {
        assert!(env::var_os("CI").is_none(), "REDIS8_SERVER is not set");
        return;
    };
    let site = Site::with(RedisServer::binary(binary), |endpoint| endpoint).await;
    play(&site, "Redis 8: ").await;
}

/// What a response tells its client of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Token(String),
    Removal,
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) told: Told,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        self.status == StatusCode::OK
    }

    /// Returns the token of a response that must have one.
    #[track_caller]
    pub(super) fn token(self) -> String {
        match self.told {
            Told::Token(token) if self.status == StatusCode::OK => token,
            _ => panic!("no token: {self:?}"),
        }
    }
}

fn told(headers: &HeaderMap) -> Told {
    let mut cookies = headers.get_all("set-cookie").into_iter();
    let Some(cookie) = cookies.next() else {
        return Told::Nothing;
    };
    assert!(cookies.next().is_none(), "one cookie at a time");
    let cookie = cookie.to_str().unwrap().strip_prefix("__Host-id=").unwrap();
    match cookie.split_once(';') {
        Some(("", _)) => Told::Removal,
        Some((token, _)) => Told::Token(token.to_owned()),
        None => panic!("no attributes"),
    }
}

/// Sends a request with a token to a handler behind the layer.
pub(super) async fn ask<F>(
    layer: &SessionLayer,
    token: Option<&str>,
    handler: impl FnOnce(Session) -> F,
) -> Reply
where
    F: Future<Output: IntoResponse>,
{
    let mut handler = Some(handler);
    let inner = service_fn(move |request: Request<()>| {
        let session = Session::of(request.extensions()).unwrap();
        let answer = handler.take().expect("one request")(session);
        async { Ok::<_, Infallible>(answer.await.into_response()) }
    });
    let mut request = Request::new(());
    if let Some(token) = token {
        let cookie = format!("__Host-id={token}").parse().unwrap();
        request.headers_mut().insert("cookie", cookie);
    }
    let (head, body) = layer
        .layer(inner)
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: head.status,
        told: told(&head.headers),
        text: String::from_utf8(body.into()).unwrap(),
    }
}

/// Logs a subject in, and returns the token.
pub(super) async fn log_in(layer: &SessionLayer, token: Option<&str>, subject: &str) -> String {
    ask(layer, token, async |session| session.authenticate(subject))
        .await
        .token()
}

/// Returns whether a token lets anybody in.
pub(super) async fn lives(layer: &SessionLayer, token: &str) -> bool {
    let reply = ask(layer, Some(token), async |session| {
        session.no_touch();
        session.exists().await.map(|exists| exists.to_string())
    });
    let reply = reply.await;
    assert!(reply.is_ok(), "{reply:?}");
    reply.text == "true"
}

/// Returns a number that a session holds, as text; `-` for none.
pub(super) async fn number(layer: &SessionLayer, token: &str, key: &'static str) -> String {
    let reply = ask(layer, Some(token), async |session| {
        session.no_touch();
        show(&session, key).await
    });
    let reply = reply.await;
    assert!(reply.is_ok(), "{reply:?}");
    reply.text
}

pub(super) async fn show(
    session: &Session,
    key: &str,
) -> Result<String, tower_upstash::session::SessionError> {
    let number = session.get::<u64>(key).await?;
    Ok(number.map_or_else(|| "-".to_owned(), |number| number.to_string()))
}

pub(super) fn add(
    session: &Session,
    key: &str,
) -> Result<(), tower_upstash::session::SessionError> {
    session.update(key, |old: Option<u64>| old.unwrap_or_default() + 1)
}
