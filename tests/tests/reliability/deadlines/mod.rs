//! One fault at a time: each login is answered by its deadline, with what can be known.

mod certificates;
mod connections;
mod dying;
mod names;
mod outages;
mod several_servers;
