//! Where a listing is among its pages, and whether the server goes round in circles.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use provider_api::{Fault, UnavailableReason};
use wire_guard::message::{Control, OperationResult};
use wire_guard::paged_results::{self, Cookie, PageRequest};

use crate::fault;
use crate::result_code::{
    self, ADMIN_LIMIT_EXCEEDED, PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION,
    UNWILLING_TO_PERFORM, said,
};

/// How many pages in a row may have nobody on them.
const MOST_EMPTY_PAGES: usize = 100;

/// How many pages there may be: 25 million users. A server that makes up users has to end some day.
const MOST_PAGES: usize = 100_000;

/// The pages of a listing.
#[derive(Debug)]
pub(super) struct Paging {
    /// How many users are asked for at a time.
    size: usize,
    cookie: Cookie,
    /// What the pages so far looked like, 8 octets for each.
    seen: HashSet<u64>,
    /// How many pages without anybody have come in a row.
    empty_pages: usize,
    is_anonymous: bool,
}

/// What has come of a page.
#[derive(Debug, Default)]
pub(super) struct Tally {
    entries: usize,
    fingerprint: DefaultHasher,
}

/// What follows a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Complete,
    /// The end after the only page, which is full: a server may send no more than that although there is more.
    CompleteAndFull,
}

impl Tally {
    /// How many entries there were.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    fn add(&mut self, dn: &str) {
        self.entries += 1;
        dn.hash(&mut self.fingerprint);
    }
}

impl Paging {
    pub(super) fn new(size: usize, is_anonymous: bool) -> Self {
        Self { size, cookie: Cookie::default(), seen: HashSet::new(), empty_pages: 0, is_anonymous }
    }

    /// The next page, to ask for.
    pub(super) fn next(&self) -> PageRequest<'_> {
        PageRequest { size: u32::try_from(self.size).unwrap_or(u32::MAX), cookie: &self.cookie }
    }

    /// Counts an entry of a page.
    ///
    /// # Errors
    ///
    /// If it is one too many of a server that pages. On the first page, that is not known yet.
    pub(super) fn entry(&self, page: &mut Tally, dn: &str) -> Result<(), Fault> {
        page.add(dn);
        if page.entries > self.size && !self.cookie.is_end() { Err(self.too_large()) } else { Ok(()) }
    }

    /// What follows from how a page has ended.
    pub(super) fn end_of_page(
        &mut self,
        page: Tally,
        result: &OperationResult,
        controls: &[Control],
    ) -> Result<Progress, Fault> {
        if result.code != SUCCESS {
            return Err(self.fault(result));
        }
        let is_first = self.cookie.is_end();
        let complete =
            if is_first && page.entries == self.size { Progress::CompleteAndFull } else { Progress::Complete };
        let Some(next) = next_cookie(controls)? else {
            // A server that does not know the control sends everything at once. One that knew it a page ago has lost
            // its place.
            return if is_first {
                Ok(complete)
            } else {
                Err(fault::protocol_violation("the server stopped paging in the middle of the listing"))
            };
        };
        if page.entries > self.size {
            return Err(self.too_large());
        }
        if next.is_end() {
            return Ok(complete);
        }
        // Some servers send pages that what the account may not see has left empty, but not many in a row.
        self.empty_pages = if page.entries == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(Fault::unavailable(
                UnavailableReason::COOKIE_REPEATED,
                format!("the server has sent {} pages in a row with nobody on them", self.empty_pages),
            ));
        }
        // 389-DS gives one cookie for all pages of a listing, and a server that goes round in circles may have a new one
        // for each: it is the same users that tell, and the cookie alone where a page has none.
        let mut fingerprint = page.fingerprint;
        if page.entries == 0 {
            self.cookie.as_bytes().hash(&mut fingerprint);
        }
        if self.seen.len() >= MOST_PAGES {
            let message = format!("the listing has more than {MOST_PAGES} pages; narrow base_dn or filter");
            return Err(Fault::unavailable(UnavailableReason::SIZE_LIMIT, message));
        }
        if !self.seen.insert(fingerprint.finish()) {
            return Err(Fault::unavailable(
                UnavailableReason::COOKIE_REPEATED,
                "the server sends the same page again and again; what it has beyond that page is not listed",
            ));
        }
        self.cookie = next;
        Ok(Progress::More)
    }

    /// Why a search for a page, or beside one, has ended as it has.
    pub(super) fn fault(&self, result: &OperationResult) -> Fault {
        page_fault(result.code, &result.diagnostic, self.is_anonymous)
    }

    fn too_large(&self) -> Fault {
        fault::protocol_violation(format_args!("the server sent a page of more than the {} users asked for", self.size))
    }
}

/// The cookie of the response control; `None` if there is no such control.
fn next_cookie(controls: &[Control]) -> Result<Option<Cookie>, Fault> {
    let Some(control) = controls.iter().find(|control| control.oid == paged_results::OID) else {
        return Ok(None);
    };
    let cookie = Cookie::from_control_value(control.value.as_deref().unwrap_or_default());
    cookie.map(Some).map_err(fault::protocol_violation)
}

fn page_fault(code: u32, diagnostic: &str, anonymous: bool) -> Fault {
    let said = said(code, diagnostic);
    match code {
        SIZE_LIMIT_EXCEEDED => Fault::unavailable(
            UnavailableReason::SIZE_LIMIT,
            format!(
                "the server's size limit for the service account ended the listing; raise it there (slapd: \
                    size.prtotal): {said}"
            ),
        ),
        ADMIN_LIMIT_EXCEEDED | UNAVAILABLE_CRITICAL_EXTENSION => paging_refused(&said),
        PROTOCOL_ERROR | UNWILLING_TO_PERFORM if !anonymous => paging_refused(&said),
        _ => result_code::search_fault(code, diagnostic, anonymous),
    }
}

/// The server does not page, in these words.
pub(super) fn paging_refused(said: &str) -> Fault {
    Fault::unavailable(UnavailableReason::PAGING_REFUSED, format!("the server refuses to list page by page: {said}"))
}

#[cfg(test)]
mod tests {
    use super::page_fault;

    #[test]
    fn what_ends_a_listing_early_is_told_by_its_reason() {
        for (code, anonymous, expected) in [
            (4, false, "size_limit"),
            (11, false, "paging_refused"),
            (12, false, "paging_refused"),
            (2, false, "paging_refused"),
            (53, false, "paging_refused"),
            (53, true, "no_permission"),
            (3, false, "timeout"),
            (51, false, "server_busy"),
            (80, false, "server_error"),
            (32, false, "base_dn_not_found"),
        ] {
            assert_eq!(page_fault(code, "", anonymous).code(), expected, "{code}");
        }
    }
}
