//! The simple bind (RFC 4511 section 4.2), encoded and decoded here so that passwords stay in memory that is wiped,
//! and so that nothing but a bind response is ever taken for one.

mod permit;
mod request;
mod response;

pub use permit::{BindPermit, UserBind};
pub use request::{BindName, BindPassword, BindRequest, Unbindable};
pub use response::BindResponse;
