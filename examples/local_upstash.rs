//! The REST interface of Upstash on this machine, for development and tests.
//!
//! ```sh
//! cargo run --example local_upstash                                    # with a Redis of its own
//! cargo run --example local_upstash -- --listen 127.0.0.1:8079 --token local --redis redis://127.0.0.1:6379
//! ```
//!
//! Only for programs on this machine, or where it is told to listen: pages in a browser are refused. The token is random
//! unless it is given. Prints the variables to export, a line for each request, and what Upstash would have billed for them.

use std::{
    env,
    error::Error,
    hash::{BuildHasher as _, RandomState},
    io::{self, Write},
};

use local_upstash::{LocalUpstash, RedisServer};

const USAGE: &str = "options: --listen ADDRESS:PORT, --token TOKEN, --redis redis://HOST:PORT";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = LocalUpstash::builder()
        .listen("127.0.0.1:8079".parse()?)
        .token(random())
        .read_only_token(random());
    let mut redis = None;
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match option.as_str() {
            "--listen" => builder = builder.listen(value.parse()?),
            "--token" => builder = builder.token(value),
            "--redis" => redis = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    let own = match &redis {
        Some(_) => None,
        None => Some(RedisServer::start().await?),
    };
    let url = redis.or_else(|| own.as_ref().map(RedisServer::url));
    let server = builder
        .redis_url(&url.ok_or(USAGE)?)
        .on_request(|entry| {
            // Nobody may be reading.
            let _ = writeln!(io::stdout(), "{entry}");
        })
        .start()
        .await?;

    let mut out = io::stdout();
    writeln!(out, "export UPSTASH_REDIS_REST_URL={}", server.url())?;
    writeln!(out, "export UPSTASH_REDIS_REST_TOKEN={}", server.token())?;
    tokio::signal::ctrl_c().await?;
    let bill = server.bill();
    writeln!(
        out,
        "\n{} requests, {} commands billed",
        bill.requests(),
        bill.commands()
    )?;
    Ok(())
}

/// Returns what nobody guesses: the keys of these hashers are random.
fn random() -> String {
    let half = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", half(), half())
}
