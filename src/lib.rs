#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod background;
pub mod body;
mod counts;
pub mod executor;
mod few;
mod flights;
mod func;
mod grpc;
mod head;
mod jitter;
mod join;
mod lz4;
pub mod memo;
mod notice;
pub mod quota;
pub mod rate_limit;
pub mod response_cache;
#[cfg(feature = "session")]
pub mod session;
pub mod store;
mod table;
mod tchar;
pub mod time;
