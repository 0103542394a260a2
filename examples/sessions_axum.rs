//! Logins, devices and forms, in a browser and without a line of JavaScript.
//!
//! ```sh
//! cargo run --example sessions_axum    # open http://127.0.0.1:3000; elsewhere: LISTEN=127.0.0.1:8080
//! ```
//!
//! Log in by any name with the password `sesame`, then in a private window or another browser once more, and end one login
//! from the other.
//!
//! The cookie is `__Host-id`, which browsers take over HTTPS, and over HTTP on this machine. For HTTP on another one there is
//! `DEVELOPMENT=1`, and never in production. With `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` set, a restart logs
//! nobody out, and all processes share their sessions.
use std::{collections::HashMap, env, error::Error, io::Write as _, time::Duration};

use axum::{
    Form, RequestExt as _, Router,
    extract::{FromRequest, Path, Request},
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, USER_AGENT},
    },
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tower_upstash::{
    session::{
        Lifetime, Session, SessionCookie, SessionError, SessionErrorKind, SessionId, SessionLayer,
        SessionLimit, Transport,
    },
    store::EnvStore,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

// Without activity, and at all.
const USUAL: Lifetime = lifetime(30 * MINUTE, 12 * HOUR);
const REMEMBERED: Lifetime = lifetime(7 * DAY, 30 * DAY).persistent();

const fn lifetime(idle: u64, absolute: u64) -> Lifetime {
    Lifetime::new(Duration::from_secs(idle), Duration::from_secs(absolute))
}

/// The fields of a form of ours: its CSRF token is that of the session.
struct Sent(HashMap<String, String>);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Response> {
        let session = request.extract_parts::<Session>().await;
        let session = session.map_err(IntoResponse::into_response)?;
        let form = request.extract::<Form<_>, _>().await;
        let Form(fields) = form.map_err(IntoResponse::into_response)?;
        let sent = Self(fields);
        let checked = session.verify_csrf(sent.get("csrf")).await;
        checked.map_err(IntoResponse::into_response)?;
        Ok(sent)
    }
}

impl Sent {
    fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |value| value)
    }
}

async fn home(session: Session) -> Result<impl IntoResponse, SessionError> {
    // Views at the same time are all counted: the closure runs again on what another one has written.
    session.update("views", |views: Option<u64>| views.unwrap_or(0) + 1)?;
    let views: u64 = session.get("views").await?.unwrap_or_default();
    let csrf = session.csrf_token().await?;

    let mut page = format!("<!doctype html><title>Sessions</title><p>View <b id=views>{views}</b>");
    for news in session.take_flashes::<String>().await? {
        page += &format!("<p role=status>{}</p>", escape(&news));
    }
    match session.subject().await? {
        None => page += &login_form(&csrf, ""),
        Some(name) => {
            page += &format!("<h1>Hello, <span id=who>{}</span></h1>", escape(&name));
            page += &form("/logout", &csrf, "<button>Log out</button>");
            page += &devices(&session, &csrf).await?;
            page += &format!(
                "<details><summary>Log in again</summary>{}</details>",
                login_form(&csrf, &name)
            );
        }
    }
    // What a logout ends is not to be found by the way back in history.
    Ok(([(CACHE_CONTROL, "no-store")], Html(page)))
}

async fn devices(session: &Session, csrf: &str) -> Result<String, SessionError> {
    let mut list = String::from("<ul id=devices>");
    for device in session.list().await? {
        let agent: Option<String> = device.get("agent")?;
        let action = format!("/devices/{}/end", device.id());
        let end = match device.is_current() {
            true => "this one".to_owned(),
            false => form(&action, csrf, "<button>End</button>"),
        };
        list += &format!("<li>{} {end}</li>", escape(&agent.unwrap_or_default()));
    }
    let button = "<button>Log out everywhere else</button>";
    Ok(list + "</ul>" + &form("/logout-everywhere", csrf, button))
}

async fn login(session: Session, headers: HeaderMap, sent: Sent) -> Result<Redirect, SessionError> {
    let name = sent.get("name");
    // Stands for a real check, behind a limit against guessing: see `full_stack`.
    if name.is_empty() || sent.get("password") != "sesame" {
        session.flash(&"That is not the password.")?;
        return Ok(Redirect::to("/"));
    }
    let remember = !sent.get("remember").is_empty();
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    session.authenticate(name)?; // with a new token: whoever knows the old one knows nothing
    session.set_lifetime(if remember { REMEMBERED } else { USUAL })?;
    session.set("agent", &agent.unwrap_or("an unknown browser"))?;
    session.flash(&format!("Welcome, {name}."))?;
    Ok(Redirect::to("/"))
}

async fn logout(session: Session, _: Sent) -> Result<Redirect, SessionError> {
    session.destroy()?;
    Ok(Redirect::to("/"))
}

async fn logout_everywhere(session: Session, _: Sent) -> Result<Redirect, SessionError> {
    let ended = session.revoke_others().await?;
    session.flash(&format!("Logged out elsewhere: {ended}."))?;
    Ok(Redirect::to("/"))
}

async fn end(session: Session, Path(id): Path<String>, _: Sent) -> Result<Redirect, SessionError> {
    // Whoever finds an open browser does not lock its owner out.
    match session
        .require_fresh(Duration::from_secs(10 * MINUTE))
        .await
    {
        Err(error) if error.kind() == SessionErrorKind::Stale => {
            session.flash(&"Your login is too old for that. Please log in again.")?;
            return Ok(Redirect::to("/"));
        }
        fresh => fresh?,
    }
    let ended = match id.parse::<SessionId>() {
        Ok(id) => session.revoke(id).await?,
        Err(_) => false,
    };
    let news = if ended {
        "It is logged out."
    } else {
        "There is no such device (any more)."
    };
    session.flash(&news)?;
    Ok(Redirect::to("/"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cookie = match env::var_os("DEVELOPMENT") {
        Some(_) => SessionCookie::insecure_for_development("id"),
        None => SessionCookie::host("id"),
    };
    let sessions = SessionLayer::new(EnvStore::from_env_or_memory()?)
        .lifetime(USUAL)
        .transports([Transport::cookie(cookie)])
        .per_subject(SessionLimit::evict_oldest(5))
        .on_event(|event| say(&format!("{event:?}"))); // with hashes, never with tokens
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/devices/{id}/end", post(end))
        .layer(sessions);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    say(&format!("listening: http://{}", listener.local_addr()?));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    Ok(())
}

fn login_form(csrf: &str, name: &str) -> String {
    let name = escape(name);
    let fields = format!(
        "<input name=name placeholder=name value=\"{name}\" required> \
         <input name=password type=password placeholder=sesame required> \
         <label><input name=remember type=checkbox> remember me</label> <button>Log in</button>"
    );
    form("/login", csrf, &fields)
}

fn form(action: &str, csrf: &str, fields: &str) -> String {
    format!(
        "<form method=post action=\"{action}\"><input type=hidden name=csrf value=\"{csrf}\">{fields}</form>"
    )
}

/// Makes text of what somebody has typed.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '"' | '\'' => escaped += &format!("&#{};", u32::from(letter)),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Prints a line. Whoever reads it may be gone: that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
