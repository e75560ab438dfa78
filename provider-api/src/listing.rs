use serde::{Deserialize, Serialize};

use crate::{Fault, RejectReason};

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ListRequest {
    /// How many users the caller wants at most; a provider may use it to ask for smaller pages and may ignore it.
    pub limit: Option<u64>,
}

impl ListRequest {
    /// Everybody.
    pub fn everybody() -> Self {
        Self::default()
    }

    /// At most so many.
    pub fn at_most(limit: u64) -> Self {
        Self { limit: Some(limit) }
    }
}

/// A user that a login could find.
///
/// Listing creates nothing and says nothing of passwords. An entry that could not log in as it stands is listed too,
/// with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ListedUser {
    /// The directory's immutable id; see [`Identity::subject`](crate::Identity::subject).
    pub subject: Option<String>,
    /// The attribute that `subject` was read from.
    pub subject_attribute: Option<String>,
    /// The login name.
    pub login: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// Why a login of this user would be rejected, as far as the listing shows it.
    pub refusal: Option<RejectReason>,
}

/// A piece of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPage {
    /// The users of the page. May be empty without being the last.
    pub users: Vec<ListedUser>,
    /// How the listing ended, on the last page.
    pub end: Option<ListingEnd>,
}

impl UserPage {
    /// A page after which more follow.
    pub fn of(users: Vec<ListedUser>) -> Self {
        Self { users, end: None }
    }

    /// The last page of a complete listing.
    pub fn last(users: Vec<ListedUser>) -> Self {
        Self { users, end: Some(ListingEnd::Complete) }
    }

    /// The last page of a listing that was cut short.
    pub fn cut_short(users: Vec<ListedUser>, fault: Fault) -> Self {
        Self { users, end: Some(ListingEnd::Incomplete(fault)) }
    }
}

/// How a listing ended. Whoever removes accounts because they are missing from a listing must have seen
/// [`ListingEnd::Complete`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingEnd {
    /// Every user was there.
    Complete,
    /// Something is missing.
    Incomplete(Fault),
}
