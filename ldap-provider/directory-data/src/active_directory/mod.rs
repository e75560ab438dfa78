//! What Active Directory and Samba write: why they refuse a bind, what state an account is in, and who it is.

mod account;
mod logon_failure;
mod sid;

pub use account::{UserAccountControl, account_expires, file_time, is_password_reset};
pub use logon_failure::{LogonFailure, logon_failure};
pub use sid::{Sid, primary_group_id};
