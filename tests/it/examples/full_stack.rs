//! `full_stack`: three layers over one store, and the middle of the README.

use local_upstash::{LocalUpstash, RedisServer};

use super::browser::{Browser, Server};

async fn page(browser: &mut Browser<'_>, path: &str) -> (u16, String) {
    let response = browser.get(path).await;
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

/// Returns what the cache did, and the page.
async fn report(browser: &mut Browser<'_>) -> (bool, String) {
    let response = browser.get("/report").await;
    assert!(response.headers().get("set-cookie").is_none());
    let status = response.headers()["cache-status"].to_str().unwrap();
    let is_hit = status.contains(";hit;");
    (is_hit, response.text().await.unwrap())
}

/// At most 20 requests: there is a limit to them.
async fn works(servers: [&Server; 2]) {
    let [mut alice, mut bob] = servers.map(Server::browser);
    let made = "a long report\n".to_owned();
    assert_eq!(report(&mut alice).await, (false, made.clone()));
    assert_eq!(report(&mut alice).await, (true, made.clone()));

    assert_eq!(page(&mut alice, "/me").await.0, 401);
    assert_eq!(alice.post("/login/alice", "sesame").await, 204);
    assert_eq!(bob.post("/login/bob", "sesame").await, 204);
    for (browser, expected) in [
        (&mut alice, "alice, visit 1\n"),
        (&mut bob, "bob, visit 1\n"),
    ] {
        assert_eq!(page(browser, "/me").await, (200, expected.into()));
    }
    assert_eq!(report(&mut alice).await, (true, made)); // also with a cookie
    let mut moved = servers[0].browser();
    moved.cookie = bob.cookie.clone();
    let expected = (200, "bob, visit 2\n".into());
    assert_eq!(page(&mut moved, "/me").await, expected);

    let kept = alice.cookie.clone();
    assert_eq!(alice.post("/logout", "").await, 204);
    assert_eq!(alice.cookie, None);
    alice.cookie = kept;
    assert_eq!(page(&mut alice, "/me").await.0, 401);
    let expected = (200, "bob, visit 3\n".into());
    assert_eq!(page(&mut bob, "/me").await, expected);

    let mut mallory = servers[0].browser();
    for status in [401, 401, 401, 401, 401, 429] {
        assert_eq!(mallory.post("/login/alice", "guessed").await, status);
    }
    assert_eq!(bob.post("/login/bob", "sesame").await, 429); // from the same address
}

#[tokio::test]
async fn one_process_has_it_all_in_its_memory() {
    let server = Server::start("full_stack", &[]);
    works([&server, &server]).await;
}

// The endpoint goes on while this thread waits for the processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_processes_on_one_database_are_one() {
    let redis = RedisServer::start().await.unwrap();
    let endpoint = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    let url = endpoint.url();
    let variables = [
        ("UPSTASH_REDIS_REST_URL", url.as_str()),
        ("UPSTASH_REDIS_REST_TOKEN", endpoint.token()),
    ];
    let servers = [(); 2].map(|()| Server::start("full_stack", &variables));
    works([&servers[0], &servers[1]]).await;
}

#[test]
fn the_readme_shows_the_file_as_it_is() {
    let file = include_str!("../../../examples/full_stack.rs");
    let code = &file[file.find("\nuse ").unwrap() + 1..];
    let readme = include_str!("../../../README.md");
    assert!(
        readme.contains(&format!("\n```rust,no_run\n{code}```\n")),
        "copy it from the first `use` on"
    );
}
