//! A directory server that does what no server should, and keeps a record of what it was asked.
//!
//! - [`wire`]: requests decoded and answers encoded, sharing no code with what is tested

pub mod wire;
