//! What the tests that cross crates stand on: one way to start a directory, one way to find a plugin, one way to run
//! the harness.
//!
//! - [`directory`]: a real OpenLDAP `slapd` in a temporary folder, with people, certificates and a log that can be
//!   counted
//! - [`deployment`]: OpenLDAP, 389 Directory Server and Samba's domain controller, of which a test arranges people, groups
//!   and states of accounts in one way
//! - [`compat`]: plugins and a host built against other versions of the interface
//! - [`fault_proxy`]: a TCP proxy that does what networks and dying servers do, and records the binds that come by
//! - [`faulty`]: the plugin that does wrong on command
//! - [`misbehaviour`]: all that it can do wrong, entry point by entry point
//! - [`plugin`]: the built plugin files, checked to be there and to be fresh
//! - [`process`]: what the running process holds: threads, memory, descriptors
//! - [`host`]: a host in miniature, which loads one plugin and asks it
//! - [`local_account`]: a store with an account of the host's own
//! - [`harness`]: the built `host-harness` program with a configuration of its own
//! - [`serving`]: the same program as a server, with its input and output in the hands of a test
//! - [`hostile`]: a server that does what no server should
//! - [`open_files`]: the limit of open files, for crowds
//! - [`oracle`]: a directory that knows next to nobody and keeps a record of what it was asked, octet for octet
//! - [`relay`]: a TCP relay that can hold an answer back half-way
//! - [`tls_server`]: a TLS server of any quality in front of a directory: bad certificates, old versions, noise
//! - [`users_file`]: a users file for the file provider
//! - [`log_capture`]: a host's log sink that keeps what it hears
//!
//! Nothing here listens on anything but loopback addresses, and whatever is started ends with the value that stands
//! for it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a fixture that cannot be had must fail its test loudly, and a panic with a message does"
)]

pub mod compat;
mod daemon;
pub mod deployment;
pub mod directory;
pub mod fault_proxy;
pub mod faulty;
pub mod harness;
pub mod host;
pub mod hostile;
pub mod local_account;
pub mod log_capture;
pub mod misbehaviour;
pub mod open_files;
pub mod oracle;
pub mod plugin;
pub mod process;
pub mod relay;
pub mod serving;
pub mod spellings;
pub mod tls_server;
pub mod users_file;
