//! A directory server that does what no server should, and keeps a record of what it was asked.
//!
//! - [`wire`]: requests decoded and answers encoded, sharing no code with what is tested
//! - [`directory`]: the honest part: who is there, and the right answer to each request
//! - [`script`]: at which step of a conversation to do what instead
//! - [`transport`]: plain, `StartTLS` and LDAPS, with certificates made for the purpose
//! - [`server`]: the server that plays a script
//! - `tap`: what it was sent, octet for octet, below TLS
//! - [`record`]: what it was asked, and what must never be among that
//! - [`host`]: the process under attack: a host with the real plugin, which may die without taking the test with it

pub mod directory;
pub mod host;
pub mod record;
mod renegotiation;
pub mod script;
pub mod server;
mod session;
mod tap;
pub mod transport;
pub mod wire;
