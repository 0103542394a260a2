//! A local endpoint that speaks the Upstash REST protocol over a real Redis.
//!
//! Tests talk to it as they would to Upstash: npm's `@upstash/redis` and `@upstash/ratelimit` cannot tell the two
//! apart. Beyond what Upstash does, it counts the commands that Upstash would bill, injects faults, and can stand on a
//! Redis whose clock moves.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use local_upstash::{Fault, LocalUpstash, RedisServer};
//!
//! let redis = RedisServer::start().await?;
//! let server = LocalUpstash::builder().redis(&redis).start().await?;
//! server.faults().inject(Fault::DropAfter.times(1));
//! // … requests to server.url() with server.token() …
//! assert_eq!(server.bill().commands(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Requests of web pages are refused: those with an `Origin`, a foreign `Sec-Fetch-Site`, or, unless it was told to listen
//! elsewhere than on a loopback address, a `Host` that is not this machine.
//!
//! Not emulated: `SET … IFDEQ`/`IFDNE` and `DELEX … IFDEQ`/`IFDNE` inside `/multi-exec` (refused), and the locks
//! themselves that `allow-key-locking` makes finer, since Redis runs one script at a time anyway.

mod bill;
mod clock;
mod command;
mod conditional;
mod connection;
mod events;
mod executor;
mod faults;
mod hangup;
mod monitor;
mod node;
mod pool;
mod redis_server;
mod reply;
mod request;
mod scripts;
mod server;
mod service;

pub use bill::{Bill, Entry};
pub use faults::{Fault, Faults, Injection};
pub use node::NodeSdks;
pub use redis_server::{RedisBuilder, RedisServer};
pub use server::{Builder, LocalUpstash};
