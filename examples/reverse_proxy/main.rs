//! A caching reverse proxy: hyper in, hyper out, the cache between.
//!
//! ```sh
//! cargo run --example reverse_proxy -- --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000
//! ```
//!
//! Speaks HTTP/1.1 on both sides, streams bodies both ways, sends no request twice, and answers nothing by itself but
//! 502 where the upstream fails. It runs until ctrl-c, which lets answers under way end.

mod arguments;
mod fields;
mod server;
mod upstream;

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use tokio::{net::TcpListener, runtime};
use tower::Layer as _;
use tower_upstash::{
    response_cache::{CachePolicy, ResponseCache, ResponseCacheLayer, SetCookie},
    store::{EnvStore, MemoryStore, SharedStore},
};

use self::{
    arguments::{Arguments, Caching, StoreChoice},
    upstream::Upstream,
};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "reverse_proxy: {refusal}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "reverse_proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut runtime = runtime::Builder::new_multi_thread();
    if let Some(threads) = arguments.threads {
        runtime.worker_threads(threads.get());
    }
    runtime.enable_all().build()?.block_on(proxy(arguments))
}

async fn proxy(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let store = match arguments.store {
        StoreChoice::Memory => MemoryStore::new().into(),
        StoreChoice::Env => SharedStore::from(EnvStore::from_env_or_memory()?),
    };
    let upstream = Upstream::new(&arguments.upstream);
    let service = cached(upstream, store, arguments.caching);
    let listener = TcpListener::bind(&arguments.listen)
        .await
        .map_err(|error| format!("--listen {}: {error}", arguments.listen))?;
    writeln!(
        io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    server::serve(listener, service, async {
        // Where there is no such signal, it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
    .await;
    Ok(())
}

/// Puts the cache in front of the upstream.
fn cached<S>(upstream: S, store: SharedStore, caching: Caching) -> ResponseCache<S> {
    let layer = ResponseCacheLayer::new(store);
    let layer = match caching {
        Caching::Default => layer.policy(PROXY),
        // What tests of the public suite ask for and is no default, each for a reason that its docs give.
        Caching::Conformance => layer
            .policy(
                PROXY
                    .stale_on_disconnect(Duration::from_secs(24 * 60 * 60))
                    .set_cookie(SetCookie::Store)
                    .vary_by_language()
                    .vary_lists(),
            )
            .targeted_by(&["cdn-cache-control"])
            .trust_requests(|_| true),
    };
    layer.layer(upstream)
}

/// What says nothing of its lifetime is guessed at, as by other proxies.
const PROXY: CachePolicy = CachePolicy::new("proxy").heuristic();
