//! The example a newcomer starts with, as a process of its own, asked by a real client.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Stops the server at the end of the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Cargo builds the examples before it runs the tests, beside them.
fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

#[tokio::test]
async fn ten_of_fifteen_requests_pass_and_five_are_told_when_to_come_again() {
    let mut child = Command::new(example("quickstart"))
        .env("LISTEN", "127.0.0.1:0")
        .env_remove("UPSTASH_REDIS_REST_URL")
        .env_remove("UPSTASH_REDIS_REST_TOKEN")
        .env_remove("KV_REST_API_URL")
        .env_remove("KV_REST_API_TOKEN")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example is built: run the tests with `cargo test`, which builds examples");
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let _server = Server(child);
    assert_eq!(
        lines.next().unwrap(),
        "store:     the memory of this process, since UPSTASH_REDIS_REST_URL is not set"
    );
    let url = lines
        .next()
        .unwrap()
        .strip_prefix("listening: ")
        .unwrap()
        .to_owned();
    assert!(lines.next().unwrap().contains(&format!("curl -i {url}/")));
    lines.next();

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut passed = 0;
    for _ in 0..15 {
        let response = client.get(&url).send().await.unwrap();
        if response.status() == 200 {
            passed += 1;
            assert_eq!(response.text().await.unwrap(), "hello\n");
            continue;
        }
        assert_eq!(response.status(), 429);
        let seconds: u64 = response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=10).contains(&seconds));
    }
    assert_eq!(passed, 10);

    let log: Vec<_> = lines.take(15).collect();
    assert!(
        log[0].starts_with("GET / 200 limit=hello 9/10 reset="),
        "{}",
        log[0]
    );
    assert!(
        log[14].starts_with("GET / 429 limit=hello 0/10 reset="),
        "{}",
        log[14]
    );
}

#[test]
fn an_address_that_cannot_be_listened_on_is_named() {
    let output = Command::new(example("quickstart"))
        .env("LISTEN", "nonsense")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("LISTEN=nonsense")
    );
}
