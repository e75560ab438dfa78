//! A host that loads authentication providers.
//!
//! It plays the part of a login server: it loads a provider's plugin file, hands it settings, asks it who a person
//! is, and keeps the accounts. The program `host-harness` is a thin face on this library; tests and other hosts use
//! the parts:
//!
//! - [`Host`](login::Host): one login from the typed name to the account, over local accounts and several providers.
//! - [`provision`]: makes an account of a directory's person at the first login, and keeps it fresh.
//! - [`Store`](store::Store): where the accounts are.
//! - [`Server`](server::Server): logins one after the other and many at a time, and new providers meanwhile.
//! - [`Configuration`](config::Configuration): `harness.toml`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use host_harness::Log;
//! use host_harness::config::Configuration;
//! use host_harness::login::{DEADLINE, Host};
//! use host_harness::providers;
//! use host_harness::store::Store;
//! use provider_api::{Credentials, Deadline, RequestContext, Secret};
//!
//! let configuration = Configuration::read("harness.toml".as_ref())?;
//! let store = Store::open(&configuration.store_url, configuration.folders.configuration()).await?;
//! let host = Host::new(store, providers::from_configuration(&configuration, Log::silent()).await?);
//!
//! let context = RequestContext::new("request-1", Deadline::after(DEADLINE));
//! let answer = host.login(&context, Credentials::new("alice", Secret::new("typed password"))).await;
//! match answer.user {
//!     Some(user) => println!("account {} is logged in", user.id),
//!     None => println!("refused: {}", provider_api::one_line(&answer.message)),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It never names a provider: which ones there are, the plugin files and the configuration say.

#![forbid(unsafe_code)]

pub mod administration;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
mod exit;
mod fold;
mod interrupt;
pub mod local_accounts;
mod log;
pub mod login;
pub mod output;
pub mod password_source;
pub mod providers;
pub mod provision;
pub mod server;
pub mod store;
mod terminal;
pub mod threads;

pub use exit::Exit;
pub use fold::Folded;
pub use log::Log;
