//! Password policies of OpenLDAP, 389-DS and their kin (draft-behera-ldap-password-policy-10): what the control of a
//! bind's answer says, and what an entry's own attributes say.

mod response;
mod validity;

pub use response::{PolicyError, PolicyResponse, Warning};
pub use validity::{AccountLock, is_outside};

/// The control, in the request (without a value) and in the answer.
pub const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
