#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod body;
pub mod executor;
mod notice;
pub mod quota;
pub mod rate_limit;
pub mod store;
pub mod time;
