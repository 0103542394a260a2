//! The layer over real stores: a Redis, and the endpoint of Upstash before it.

mod advice;
mod bills;
mod denials;
mod drops;
mod exact;
mod hand_back;
mod handle;
mod leases;
mod load;
mod outages;
mod plans;
mod settle;
mod shared;
mod site;
mod skew;
mod streams;
mod tokens;
mod unknown;
