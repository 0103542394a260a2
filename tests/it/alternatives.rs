//! Whose limit it is, where the first thing to tell is missing: `By::or`.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, MatchedRoute, Missing, RateLimitLayer},
    store::{Identifier, MemoryStore},
};

const ONE: Quota = Quota::fixed(1, Duration::from_secs(60));

#[derive(Clone)]
struct User(&'static str);

impl From<User> for Identifier {
    fn from(user: User) -> Self {
        user.0.into()
    }
}

/// What a request tells: its user, its address, its route.
type Tells<'a> = (Option<&'static str>, Option<&'a str>, &'static str);

async fn status(layer: &RateLimitLayer, (user, peer, route): Tells<'_>) -> u16 {
    let mut request = Request::new(());
    let extensions = request.extensions_mut();
    extensions.insert(MatchedRoute::new(route));
    if let Some(user) = user {
        extensions.insert(User(user));
    }
    if let Some(peer) = peer {
        extensions.insert(peer.parse::<SocketAddr>().unwrap());
    }
    let inner = service_fn(async |_| Ok::<_, Infallible>(Response::new(String::new())));
    let response = layer.layer(inner).oneshot(request).await;
    response.unwrap().status().as_u16()
}

fn layer(limit: Limit) -> RateLimitLayer {
    RateLimitLayer::new(MemoryStore::new()).limit(limit)
}

const USER_OR_IP: By = By::extension::<User>().or(By::CLIENT_IP);

const HERE: Option<&str> = Some("192.0.2.1:1");

#[tokio::test]
async fn a_user_counts_by_name_and_everybody_else_by_address() {
    let layer = layer(Limit::new("api", ONE).by(USER_OR_IP));
    for (tells, expected) in [
        ((Some("alice"), HERE, "/"), 200),
        ((Some("alice"), Some("192.0.2.9:1"), "/"), 429),
        ((Some("bob"), HERE, "/"), 200),
        ((None, HERE, "/"), 200),
        ((None, HERE, "/"), 429),
        ((None, Some("192.0.2.2:1"), "/"), 200),
        // A name that spells an address is nobody's address.
        ((Some("192.0.2.3"), HERE, "/"), 200),
        ((None, Some("192.0.2.3:1"), "/"), 200),
    ] {
        assert_eq!(status(&layer, tells).await, expected, "{tells:?}");
    }
}

#[tokio::test]
async fn where_no_alternative_tells_anything_the_limit_says_what_happens() {
    let by = Limit::new("api", ONE).by(USER_OR_IP);
    for (missing, expected) in [
        (Missing::Shared, [200, 429]),
        (Missing::Refuse, [400, 400]),
        (Missing::Exempt, [200, 200]),
    ] {
        let layer = layer(by.clone().missing(missing));
        for expected in expected {
            assert_eq!(status(&layer, (None, None, "/")).await, expected);
        }
    }
}

#[tokio::test]
async fn each_alternative_is_all_of_its_parts_and_counts_each_route_apart_if_told_to() {
    let both = By::extension::<User>().and(By::PEER_IP).or(By::PEER_IP);
    let apart = layer(Limit::new("api", ONE).by(both).per_route());
    for (tells, expected) in [
        ((Some("alice"), HERE, "/a"), 200),
        ((Some("alice"), HERE, "/b"), 200),
        ((Some("alice"), HERE, "/a"), 429),
        ((Some("alice"), Some("192.0.2.9:1"), "/a"), 200),
        ((None, HERE, "/a"), 200),
        ((None, HERE, "/a"), 429),
        ((None, HERE, "/b"), 200),
    ] {
        assert_eq!(status(&apart, tells).await, expected, "{tells:?}");
    }
}

#[tokio::test]
async fn what_has_to_be_waited_for_may_be_on_either_side() {
    let user = || {
        By::later(|parts| {
            let user = parts.extensions.get::<User>().cloned();
            async {
                tokio::task::yield_now().await;
                user.map(Identifier::from)
            }
        })
    };
    for by in [
        user().or(By::CLIENT_IP),
        By::header("x-key").or(user()).or(By::CLIENT_IP),
    ] {
        let layer = layer(Limit::new("api", ONE).by(by));
        for (tells, expected) in [
            ((Some("alice"), HERE, "/"), 200),
            ((Some("alice"), HERE, "/"), 429),
            ((None, HERE, "/"), 200),
            ((None, HERE, "/"), 429),
        ] {
            assert_eq!(status(&layer, tells).await, expected, "{tells:?}");
        }
    }
}

#[test]
#[should_panic(expected = "`or` comes last")]
fn an_and_after_an_or_is_a_mistake() {
    let _ = USER_OR_IP.and(By::ROUTE);
}

#[test]
#[should_panic(expected = "`or` comes last")]
fn an_or_inside_of_an_and_is_a_mistake() {
    let _ = By::ROUTE.and(USER_OR_IP);
}

#[test]
fn debug_shows_the_alternatives() {
    let debug = format!("{USER_OR_IP:?}");
    assert!(debug.starts_with("{extension(\""), "{debug}");
    assert!(debug.ends_with("\")} or {CLIENT_IP}"), "{debug}");
}
