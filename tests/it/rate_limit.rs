//! What the layer decides and answers.

mod addresses;
mod advice;
mod answers;
mod app;
mod bodies;
mod composition;
mod dropped;
mod events;
mod grpc;
mod handle;
mod hostile;
mod keys;
mod later;
mod notices;
mod numbers;
mod outages;
mod policies;
mod shadow;
mod spent;
mod streams;
