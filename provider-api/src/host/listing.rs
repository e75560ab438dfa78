use std::fmt;

use super::admitted::{Admitted, answer};
use crate::abi::CursorBox;
use crate::{Fault, ListRequest, ListedUser, ListingEnd, RequestContext, UnavailableReason, UserPage};

/// A listing under way, page by page, in memory that does not grow with its length.
///
/// Whether it is complete is told by the type: only a listing that ends with `Ok(None)` is.
///
/// ```no_run
/// # async fn example(mut listing: provider_api::host::UserListing) {
/// loop {
///     match listing.next_page().await {
///         Ok(Some(users)) => println!("{} more", users.len()),
///         Ok(None) => break println!("that was everybody"),
///         Err(fault) => break println!("incomplete: {fault}"),
///     }
/// }
/// # }
/// ```
pub struct UserListing {
    /// None for a listing that was refused, or has ended.
    under_way: Option<UnderWay>,
    end: Option<Result<(), Fault>>,
}

struct UnderWay {
    // The cursor goes before its provider.
    cursor: CursorBox,
    context: RequestContext,
    admitted: Admitted,
}

impl UserListing {
    pub(super) fn new(admitted: Admitted, cursor: CursorBox, context: RequestContext) -> Self {
        Self { under_way: Some(UnderWay { cursor, context, admitted }), end: None }
    }

    /// A listing with leave to begin, or one that cannot even begin.
    pub(super) fn begun(entered: Result<Admitted, Fault>, context: &RequestContext, request: &ListRequest) -> Self {
        match entered {
            Ok(admitted) => admitted.list_users(context, request),
            Err(fault) => Self { under_way: None, end: Some(Err(fault)) },
        }
    }

    /// The next users; `None` when the listing is complete.
    ///
    /// Dropping this future in the middle breaks the listing: the next call is an error.
    ///
    /// # Errors
    ///
    /// The listing is incomplete, and why. Every further call says the same.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ListedUser>>, Fault> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        // If this future is dropped before the end of the page, this stays.
        self.end =
            Some(Err(Fault::unavailable(UnavailableReason::CANCELLED, "the listing is broken: a page was cancelled")));
        let Some(UnderWay { cursor, context, admitted }) = &self.under_way else {
            return Err(Fault::internal("a listing that was refused has an end"));
        };
        let page: Result<UserPage, Fault> =
            answer(&admitted.permit, context, |context| cursor.next_page(context)).await;
        let users = match page {
            Ok(page) => {
                self.end = page.end.map(|end| match end {
                    ListingEnd::Complete => Ok(()),
                    ListingEnd::Incomplete(fault) => Err(fault),
                });
                Ok(Some(page.users))
            }
            Err(fault) => {
                self.end = Some(Err(fault.clone()));
                Err(fault)
            }
        };
        if self.end.is_some() {
            // It is in flight no longer: a swap need not wait for whoever keeps it.
            self.under_way = None;
        }
        users
    }
}

impl fmt::Debug for UserListing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserListing").field("end", &self.end).finish_non_exhaustive()
    }
}
