//! The example a newcomer starts with, as a process of its own, asked by a real client.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use local_upstash::{LocalUpstash, RedisServer};

/// Stops the server at the end of the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Cargo builds the examples before it runs the tests, beside them.
pub(crate) fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// A running quickstart: what it says about its store, its URL, and what it logs from then on.
struct Quickstart {
    store: String,
    url: String,
    log: Box<dyn Iterator<Item = String> + Send>,
    _server: Server,
}

fn start(variables: &[(&str, &str)]) -> Quickstart {
    let mut command = Command::new(example("quickstart"));
    for variable in [
        "UPSTASH_REDIS_REST_URL",
        "UPSTASH_REDIS_REST_TOKEN",
        "KV_REST_API_URL",
        "KV_REST_API_TOKEN",
    ] {
        command.env_remove(variable);
    }
    let mut child = command
        .env("LISTEN", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example is built: run the tests with `cargo test`, which builds examples");
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let store = lines.next().unwrap();
    let url = lines.next().unwrap();
    let url = url.strip_prefix("listening: ").unwrap().to_owned();
    assert!(lines.next().unwrap().contains(&format!("curl -i {url}/")));
    lines.next();
    assert!(
        lines
            .next()
            .unwrap()
            .ends_with(&format!("curl -i {url}/report"))
    );
    Quickstart {
        store,
        url,
        log: Box::new(lines),
        _server: Server(child),
    }
}

// The endpoint goes on while this thread waits for the processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_processes_on_one_database_let_ten_of_thirty_requests_pass() {
    let redis = RedisServer::start().await.unwrap();
    let endpoint = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    let url = endpoint.url();
    let variables = [
        ("UPSTASH_REDIS_REST_URL", url.as_str()),
        ("UPSTASH_REDIS_REST_TOKEN", endpoint.token()),
    ];
    let both = [start(&variables), start(&variables)];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut passed = 0;
    for at in 0..30 {
        let response = client.get(&both[at % 2].url).send().await.unwrap();
        passed += usize::from(response.status() == 200);
    }
    assert_eq!(passed, 10);

    // The lines of both tell the whole bill: the first of each also that of its ping.
    let mut told = 0;
    for Quickstart { store, log, .. } in both {
        assert_eq!(
            store,
            "store:     the Upstash database of UPSTASH_REDIS_REST_URL"
        );
        for line in log.take(15) {
            assert!(
                line.contains("limit=hello ") && line.contains(" $0.0000"),
                "{line}"
            );
            let count = line.split_once(" commands=").unwrap().1;
            told += count.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
    }
    assert_eq!(told, endpoint.bill().commands());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_report_that_one_process_has_made_is_a_hit_in_the_other() {
    let redis = RedisServer::start().await.unwrap();
    let endpoint = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    let url = endpoint.url();
    let variables = [
        ("UPSTASH_REDIS_REST_URL", url.as_str()),
        ("UPSTASH_REDIS_REST_TOKEN", endpoint.token()),
    ];
    let mut both = [start(&variables), start(&variables)];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut reports = Vec::new();
    let mut lines = Vec::new();
    for at in [0, 1, 1] {
        let process = &mut both[at];
        // One site for its clients, whichever process they reach.
        let request = client.get(format!("{}/report", process.url));
        let response = request.header("host", "quickstart").send().await.unwrap();
        reports.push(response.text().await.unwrap());
        lines.push(process.log.next().unwrap());
    }
    assert!(reports[0].starts_with("generated at "), "{reports:?}");
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[1], reports[2]);
    assert!(
        lines[0].starts_with("GET /report 200 miss limit=hello 9/10 "),
        "{lines:?}"
    );
    for hit in &lines[1..] {
        assert!(hit.starts_with("GET /report 200 hit age="), "{lines:?}");
    }
    // One trip for the limit, and one for the report and what was purged.
    assert!(
        lines[2].ends_with(" trips=2 commands=6 $0.000012"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn ten_of_fifteen_requests_pass_and_five_are_told_when_to_come_again() {
    let Quickstart {
        store,
        url,
        log: lines,
        _server,
    } = start(&[]);
    assert_eq!(
        store,
        "store:     the memory of this process, since UPSTASH_REDIS_REST_URL is not set"
    );

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
fn a_wrong_variable_is_named() {
    let output = Command::new(example("quickstart"))
        .env("UPSTASH_REDIS_REST_URL", "rediss://:hunter2@eu1.upstash.io")
        .env("UPSTASH_REDIS_REST_TOKEN", "hunter2")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("UPSTASH_REDIS_REST_URL"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
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
