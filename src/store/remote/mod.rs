//! What all Redis stores share: the contract as commands and scripts, whatever carries them.

mod acquire;
mod bill;
mod command;
#[cfg(feature = "upstash")]
mod confirm;
mod increment;
mod members;
mod purge;
mod read;
mod refusal;
mod reply;
mod script;
mod single;
mod store;
mod value;
mod wire;
mod write;

pub(crate) use self::{
    acquire::Settings, bill::Bill, bill::Tally, command::Command, refusal::Refusal, reply::Reply,
    store::RemoteStore, wire::Wire,
};
#[cfg(feature = "upstash")]
pub(crate) use self::{command::Effect, value::escaped_len};
