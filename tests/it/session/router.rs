//! In routers of axum: extractors, errors as responses, nested layers.

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use tower_upstash::{
    session::{Session, SessionCookie, SessionError, SessionErrorKind, SessionLayer, TypedSession},
    store::{MemoryStore, SharedStore},
};

struct Admin;

async fn send(app: &Router, method: &str, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "example.com")
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    app.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Returns what a browser sends back.
fn cookies(response: &Response<Body>) -> Vec<String> {
    let lines = response.headers().get_all("set-cookie").iter();
    let mut pairs: Vec<_> = lines
        .map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    pairs.sort();
    pairs
}

async fn count(session: Session) -> Result<String, SessionError> {
    session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1)?;
    Ok(format!("{:?}", session.get::<u64>("hits").await?))
}

#[tokio::test]
async fn handlers_extract_sessions_and_return_their_errors() {
    async fn push(cart: TypedSession<Vec<u64>>) -> Result<String, SessionError> {
        cart.modify(|items| items.push(7))?;
        Ok(format!("{:?}", cart.get().await?))
    }
    async fn login(session: Session) -> Result<Redirect, SessionError> {
        session.authenticate("alice")?;
        Ok(Redirect::to("/"))
    }
    async fn secret(session: Session) -> Result<impl IntoResponse, SessionError> {
        session
            .require_fresh(std::time::Duration::from_secs(60))
            .await?;
        Ok("secret")
    }
    let app = Router::new()
        .route("/", get(count))
        .route("/cart", post(push))
        .route("/login", post(login))
        .route("/secret", get(secret))
        .layer(SessionLayer::new(MemoryStore::new()));
    let first = send(&app, "GET", "/", "").await;
    let cookie = cookies(&first).concat();
    assert_eq!(text(first).await, "Some(1)");
    assert_eq!(text(send(&app, "GET", "/", &cookie).await).await, "Some(2)");
    assert_eq!(
        text(send(&app, "POST", "/cart", &cookie).await).await,
        "[7]"
    );
    assert_eq!(
        text(send(&app, "POST", "/cart", &cookie).await).await,
        "[7,7]".replace(',', ", ")
    );
    let refused = send(&app, "GET", "/secret", &cookie).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let redirect = send(&app, "POST", "/login", &cookie).await;
    assert_eq!(redirect.status(), StatusCode::SEE_OTHER);
    let cookie = cookies(&redirect).concat();
    assert_eq!(
        text(send(&app, "GET", "/secret", &cookie).await).await,
        "secret"
    );
    assert_eq!(
        send(&app, "GET", "/missing", &cookie).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_route_without_its_layer_says_what_is_missing() {
    let app = Router::new()
        .route("/", get(count))
        .layer(SessionLayer::new(MemoryStore::new()).marker::<Admin>());
    let response = send(&app, "GET", "/", "").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let error = response.extensions().get::<SessionError>().unwrap();
    assert_eq!(error.kind(), SessionErrorKind::MissingLayer);
    assert!(error.to_string().contains("SessionLayer"));
}

/// In tower-sessions the inner layer takes the place of the outer one.
#[tokio::test]
async fn two_layers_with_markers_know_nothing_of_each_other() {
    async fn both(user: Session, admin: Session<Admin>) -> Result<String, SessionError> {
        user.set("who", "user")?;
        admin.set("who", "admin")?;
        admin.authenticate("root")?;
        Ok(String::new())
    }
    async fn show(user: Session, admin: Session<Admin>) -> Result<String, SessionError> {
        let who: [Option<String>; 2] = [user.get("who").await?, admin.get("who").await?];
        Ok(json!([who, user.subject().await?, admin.subject().await?]).to_string())
    }
    async fn log_out(admin: Session<Admin>) -> Result<(), SessionError> {
        admin.destroy()
    }
    let store = SharedStore::from(MemoryStore::new());
    let users = SessionLayer::new(store.clone());
    let admins = SessionLayer::new(store)
        .name("admin")
        .cookie(SessionCookie::host("admin"))
        .marker::<Admin>();
    let routes = Router::new()
        .route("/both", post(both))
        .route("/show", get(show))
        .route("/log-out", post(log_out));
    for app in [
        routes.clone().layer(users.clone()).layer(admins.clone()),
        routes.layer(admins).layer(users),
    ] {
        let first = send(&app, "POST", "/both", "").await;
        let pairs = cookies(&first);
        assert_eq!(pairs.len(), 2);
        assert!(pairs[0].starts_with("__Host-admin=") && pairs[1].starts_with("__Host-id="));
        let cookie = pairs.join("; ");
        let shown = text(send(&app, "GET", "/show", &cookie).await).await;
        assert_eq!(shown, r#"[["user","admin"],null,"root"]"#);
        // The token of one is none of the other.
        let swapped = pairs
            .join("; ")
            .replace("admin=", "x=")
            .replace("id=", "admin=");
        let shown = text(send(&app, "GET", "/show", &swapped).await).await;
        assert_eq!(shown, "[[null,null],null,null]");
        let removed = send(&app, "POST", "/log-out", &cookie).await;
        assert_eq!(cookies(&removed), ["__Host-admin="]);
        let shown = text(send(&app, "GET", "/show", &cookie).await).await;
        assert_eq!(shown, r#"[["user",null],null,null]"#);
    }
}

#[tokio::test]
async fn a_nested_router_has_the_layer_nearest_to_it() {
    let users = SessionLayer::new(MemoryStore::new());
    let shop = SessionLayer::new(MemoryStore::new())
        .name("shop")
        .cookie(SessionCookie::secure("shop").path("/shop"));
    let inner = Router::new().route("/", get(count)).layer(shop);
    let app = Router::new()
        .route("/", get(count))
        .nest("/shop", inner)
        .layer(users);
    let outer = cookies(&send(&app, "GET", "/", "").await).concat();
    assert!(outer.starts_with("__Host-id="));
    let response = send(&app, "GET", "/shop", &outer).await;
    let inner = cookies(&response).concat();
    assert!(inner.starts_with("__Secure-shop="));
    assert_eq!(text(response).await, "Some(1)");
    let both = format!("{outer}; {inner}");
    assert_eq!(
        text(send(&app, "GET", "/shop", &both).await).await,
        "Some(2)"
    );
    assert_eq!(text(send(&app, "GET", "/", &both).await).await, "Some(2)");
}
