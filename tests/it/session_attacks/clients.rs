//! Clients that send what no browser sends, and cookies that others have planted.

use super::*;

#[tokio::test]
async fn a_thousand_cookies_cost_one_read_of_four_keys() {
    let world = World::new();
    let cookie = world.login("alice").await;
    let (name, token) = cookie.split_once('=').unwrap();
    let mut planted = String::new();
    for n in 0..1000 {
        let end: String = format!("{n:04}")
            .bytes()
            .map(|digit| char::from(digit - b'0' + b'A'))
            .collect();
        planted += &format!("{name}={end}{}; ", &token[4..]);
    }
    planted += &format!("{name}={}", "A".repeat(10_000));
    world.store.read.lock().unwrap().clear();
    assert_eq!(world.who(&planted).await, None);
    assert_eq!(*world.store.read.lock().unwrap(), [4]);
}

#[tokio::test]
async fn a_planted_session_is_never_taken_for_that_of_the_user() {
    let world = World::new();
    let alice = world.login("alice").await;
    world.clock.advance(Duration::from_secs(120));
    let mallory = world.login("mallory").await;
    let seen = world.ask("", async |session| {
        session.set("cart", "planted").unwrap();
        StatusCode::OK
    });
    let anonymous = seen.await.cookie().unwrap();
    for planted in [
        format!("{anonymous}; {alice}"),
        format!("{alice}; {anonymous}"),
    ] {
        assert_eq!(world.who(&planted).await.as_deref(), Some("alice"));
    }
    for planted in [format!("{mallory}; {alice}"), format!("{alice}; {mallory}")] {
        assert_eq!(world.who(&planted).await, None);
    }
    // A logout ends all that the browser holds: so there is a way out.
    world
        .ask(&format!("{mallory}; {alice}"), async |session| {
            session.destroy().unwrap();
            StatusCode::OK
        })
        .await;
    assert_eq!(world.who(&mallory).await, None);
    assert_eq!(world.who(&alice).await, None);
}

/// A page before the login says its token; it is of no use after it.
#[tokio::test]
async fn a_form_token_of_before_a_login_is_worth_nothing_after_it() {
    let world = World::new();
    let mut form = String::new();
    let seen = world.ask("", async |session| {
        form = session.csrf_token().await.unwrap();
        StatusCode::OK
    });
    let planted = seen.await.cookie().unwrap();
    let seen = world.ask(&planted, async |session| {
        session.verify_csrf(&form).await.unwrap();
        session.authenticate("alice").unwrap();
        StatusCode::OK
    });
    let alice = seen.await.cookie().unwrap();
    assert_eq!(world.who(&planted).await, None);
    world
        .ask(&alice, async |session| {
            let verified = session.verify_csrf(&form).await;
            assert!(is(&verified, SessionErrorKind::CsrfToken));
            StatusCode::OK
        })
        .await;
}

/// As where a router with the layer is nested in another one that has it as well.
#[tokio::test]
async fn a_layer_twice_around_a_service_is_one_layer() {
    let world = World::new();
    let ask = async |cookie: String, destroys: bool| {
        let service = service_fn(async |request: Request<()>| {
            let session = <Session>::of(request.extensions()).unwrap();
            if destroys {
                session.destroy().unwrap();
            } else {
                session
                    .update("n", |n: Option<u32>| n.unwrap_or(0) + 1)
                    .unwrap();
                session.rotate().unwrap();
            }
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let request = Request::builder()
            .header(header::COOKIE, cookie)
            .body(())
            .unwrap();
        let service = world.layer.layer(world.layer.layer(service));
        let response = service.oneshot(request).await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(headers.get_all(header::SET_COOKIE).iter().count(), 1);
        assert_eq!(headers.get_all(header::VARY).iter().count(), 1);
        Seen {
            status: response.status(),
            headers,
        }
    };
    let first = ask(String::new(), false).await.cookie().unwrap();
    let second = ask(first.clone(), false).await.cookie().unwrap();
    assert_ne!(first, second);
    world
        .ask(&second, async |session| {
            assert_eq!(session.get::<u32>("n").await.unwrap(), Some(2));
            StatusCode::OK
        })
        .await;
    assert_eq!(ask(second, true).await.cookie().as_deref(), Some(""));
}

struct Other;

/// A mistake in a set-up: it must neither lose the client's token nor bring anything back.
#[tokio::test]
async fn two_layers_with_one_cookie_do_not_log_anybody_out() {
    let world = World::new().with(|layer| layer.lifetime(BUSY));
    let cookie = world.login("alice").await;
    let other = world.layer.clone().marker::<Other>();
    for (inner, outer) in [(&world.layer, &other), (&other, &world.layer)] {
        let cookie = world.login("alice").await;
        let service = service_fn(async |request: Request<()>| {
            let one: Session = Session::of(request.extensions()).unwrap();
            let other: Session<Other> = Session::of(request.extensions()).unwrap();
            one.get::<String>("secret").await.unwrap();
            other.get::<String>("secret").await.unwrap();
            one.rotate().unwrap();
            other.set("seen", &true).unwrap();
            other.rotate().unwrap();
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let request = Request::builder()
            .header(header::COOKIE, &cookie)
            .body(())
            .unwrap();
        let response = outer
            .layer(inner.layer(service))
            .oneshot(request)
            .await
            .unwrap();
        let headers = response.headers().clone();
        let new = Seen {
            status: response.status(),
            headers,
        }
        .cookie()
        .unwrap();
        assert_eq!(world.who(&new).await.as_deref(), Some("alice"));
        assert_eq!(world.who(&cookie).await, None);
    }
    assert_eq!(world.who(&cookie).await.as_deref(), Some("alice"));
}
