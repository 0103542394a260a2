//! The examples, as processes of their own.

mod ai_memo;
mod axum;
mod browser;
mod full_stack;
mod response_cache;
mod reverse_proxy;
mod sessions_axum;
mod sessions_tonic;
mod tonic;
mod tower;

use std::process::Command;

use crate::quickstart::example;

/// An example that asks no store but the one that it is told of.
fn command(name: &str) -> Command {
    let mut command = Command::new(example(name));
    for variable in [
        "DEVELOPMENT",
        "KUBERNETES_SERVICE_HOST",
        "KV_REST_API_TOKEN",
        "KV_REST_API_URL",
        "LIMITS",
        "PROXIES",
        "UPSTASH_REDIS_REST_TOKEN",
        "UPSTASH_REDIS_REST_URL",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs an example to its end, and returns the lines that it has printed.
fn output(name: &str) -> Vec<String> {
    let output = command(name).output().expect("the example is built");
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    output.lines().map(str::to_owned).collect()
}
