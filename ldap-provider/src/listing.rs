use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use provider_api::author::UserCursor;
use provider_api::{
    Deadline, Fault, ListRequest, ListedUser, RejectReason, RequestContext, UnavailableReason, UserPage,
};
use tokio::time::timeout_at;
use wire_guard::message::{Control, OperationResult};
use wire_guard::paged_results::{self, Cookie, PageRequest};
use wire_guard::{Connection, EntryStream, ExchangeError, NextEntry, SearchRequest};

use crate::directory::{Directory, OpenConnection};
use crate::entry::{Entry, UnusableEntry};
use crate::fault;
use crate::plan::Plan;
use crate::profile;
use crate::result_code::{
    self, ADMIN_LIMIT_EXCEEDED, PROTOCOL_ERROR, SIZE_LIMIT_EXCEEDED, SUCCESS, UNAVAILABLE_CRITICAL_EXTENSION,
    UNWILLING_TO_PERFORM, said,
};
use crate::search;
use crate::settings::Config;

/// How many entries are read before others get their turn.
const AT_A_STRETCH: usize = 16;

/// How many pages in a row may have nobody on them.
const MOST_EMPTY_PAGES: usize = 100;

/// How many pages there may be: 25 million users. A server that makes up users has to end some day.
const MOST_PAGES: usize = 100_000;

/// Who comes back so soon after a page gets the next one asked for ahead. Who takes longer than that to deal with a page
/// would leave the server with what it has to send, which some do not stand for long.
const EAGER: Duration = Duration::from_secs(1);

/// With less time than this left to a call, nothing is asked for ahead.
const LEAST_TIME_AHEAD: Duration = Duration::from_millis(250);

const WHAT: &str = "the listing";

/// A listing by simple paged results (RFC 2696), over a connection of its own, page by page.
///
/// What a server that pages sends is bounded by the page. One that does not page sends everything at once: it is held
/// back until what came before has been taken, and the guard ends it at the limit of one search.
#[derive(Debug)]
pub struct Listing {
    config: Arc<Config>,
    plan: Arc<Plan>,
    state: State,
    /// The search for everybody.
    search: SearchRequest,
    page_size: usize,
    cookie: Cookie,
    /// What the pages so far looked like, 8 octets for each.
    seen: HashSet<u64>,
    /// How many pages without anybody have come in a row.
    empty_pages: usize,
    /// Whether the next page may be asked for before anybody wants it.
    may_ask_ahead: bool,
    /// When the last page was handed over.
    handed_over: Option<Instant>,
    _open: OpenConnection,
}

/// Where a listing is.
#[derive(Debug)]
enum State {
    /// The next page is to be asked for.
    BetweenPages(Connection),
    /// The server is sending a page.
    InPage(Box<Page>),
    /// The next page could not be asked for.
    Broken(Fault),
    /// Nothing more is to come.
    Over,
}

/// A page that the server is sending. A server that does not page sends everything as one, which is handed on in
/// pieces.
struct Page {
    stream: EntryStream,
    entries: usize,
    fingerprint: DefaultHasher,
}

impl fmt::Debug for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Page").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Listing {
    /// Opens a connection and gets ready to ask for the first page.
    pub(crate) async fn begin(directory: &Directory, request: &ListRequest, deadline: Deadline) -> Result<Self, Fault> {
        let connection = directory.for_listing(deadline.at_most(directory.config.timeout)).await?;
        Ok(Self::over(directory, directory.plan()?, connection, request))
    }

    /// Lists over a connection that is there.
    pub(crate) fn over(
        directory: &Directory,
        plan: Arc<Plan>,
        (connection, open): (Connection, OpenConnection),
        request: &ListRequest,
    ) -> Self {
        let page = plan.page_size;
        let limit = request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(page);
        Self {
            config: directory.config.clone(),
            search: search::search_for_anybody(&plan, &plan.listed_attributes, 0),
            plan,
            state: State::BetweenPages(connection),
            page_size: limit.clamp(1, page),
            cookie: Cookie::default(),
            seen: HashSet::new(),
            empty_pages: 0,
            may_ask_ahead: true,
            handed_over: None,
            _open: open,
        }
    }

    /// The same for whom some of the users will do.
    pub(crate) fn only_on_demand(mut self) -> Self {
        self.may_ask_ahead = false;
        self
    }

    /// The next users. What goes wrong on the way ends the listing as incomplete, with the users that came before it.
    async fn next(&mut self, deadline: Deadline) -> UserPage {
        let mut users = Vec::new();
        let is_eager = self.handed_over.is_some_and(|when| when.elapsed() < EAGER);
        let outcome = match timeout_at(deadline.instant().into(), self.fill(&mut users, deadline)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(fault::timeout(WHAT)),
        };
        match outcome {
            Ok(Progress::More) => {
                if is_eager && self.may_ask_ahead {
                    self.ask_ahead(deadline.at_most(deadline.remaining() / 2)).await;
                }
                self.handed_over = Some(Instant::now());
                UserPage::of(users)
            }
            Ok(Progress::Complete) => UserPage::last(users),
            Err(fault) => UserPage::cut_short(users, fault),
        }
    }

    /// Asks for the next page before anybody wants it: the server makes it while this one is dealt with. What goes wrong
    /// is told when it is wanted.
    async fn ask_ahead(&mut self, deadline: Deadline) {
        // With little time left, the next call is the better one to ask: it has time of its own.
        if deadline.remaining() < LEAST_TIME_AHEAD {
            return;
        }
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::BetweenPages(connection) => match self.request(connection, deadline).await {
                Ok(page) => State::InPage(page),
                Err(fault) => State::Broken(fault),
            },
            other => other,
        };
    }

    /// Adds the users of a page, or of a piece of one. After an error the listing is over.
    async fn fill(&mut self, users: &mut Vec<ListedUser>, deadline: Deadline) -> Result<Progress, Fault> {
        let now = SystemTime::now();
        let mut page = match std::mem::replace(&mut self.state, State::Over) {
            State::InPage(page) => page,
            State::BetweenPages(connection) => self.request(connection, deadline).await?,
            State::Broken(fault) => return Err(fault),
            State::Over => return Err(Fault::internal("more was asked of a listing that is over")),
        };
        loop {
            let entry = match page.stream.next().await.map_err(|error| broken(&error))? {
                NextEntry::Entry(entry) => entry,
                NextEntry::End(result, controls) => {
                    let progress = self.end_of_page(&page, &result, &controls)?;
                    let connection = page.stream.into_connection();
                    let connection = connection.ok_or_else(|| Fault::internal("a search has ended and has not"))?;
                    match progress {
                        Progress::More => self.state = State::BetweenPages(connection),
                        Progress::Complete if self.cookie.is_end() && page.entries == self.page_size => {
                            self.expect_no_more_than(page.entries, connection, deadline).await?;
                        }
                        Progress::Complete => {}
                    }
                    return Ok(progress);
                }
            };
            let (dn, user) = match Entry::found(&entry) {
                // Told and passed over: it must not keep everybody behind it from being listed.
                Err(UnusableEntry::Dn { text, rest }) => (text, refused(listed(&rest, &self.plan, now))),
                read => {
                    let entry = search::checked(read, &self.plan)?;
                    (entry.dn.as_str().to_owned(), listed(&entry, &self.plan, now))
                }
            };
            page.entries += 1;
            // On the first page, it is not known yet whether the server pages.
            if page.entries > self.page_size && !self.cookie.is_end() {
                return Err(self.too_large());
            }
            dn.hash(&mut page.fingerprint);
            users.push(user);
            // Entries that are always there would keep the deadline from being looked at.
            if page.entries % AT_A_STRETCH == 0 {
                tokio::task::yield_now().await;
            }
            // One more than a page may hold: this server does not page. The rest is handed on piece by piece.
            if users.len() > self.plan.page_size {
                self.state = State::InPage(page);
                return Ok(Progress::More);
            }
        }
    }

    async fn request(&self, connection: Connection, deadline: Deadline) -> Result<Box<Page>, Fault> {
        let page = PageRequest { size: u32::try_from(self.page_size).unwrap_or(u32::MAX), cookie: &self.cookie };
        let stream =
            connection.search(&self.search, Some(page), deadline.instant()).await.map_err(|error| broken(&error))?;
        Ok(Box::new(Page { stream, entries: 0, fingerprint: DefaultHasher::new() }))
    }

    /// `ApacheDS` (2.0.0-M26) sends the first page as if it were all there is. So whoever gets exactly a full page
    /// looks once, without paging, for one user more.
    async fn expect_no_more_than(
        &self,
        listed: usize,
        connection: Connection,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let limit = u32::try_from(listed + 1).unwrap_or(u32::MAX);
        let search = search::search_for_anybody(&self.plan, &[search::NO_ATTRIBUTES], limit);
        let mut stream = connection.search(&search, None, deadline.instant()).await.map_err(|error| broken(&error))?;
        for _ in 0..=listed {
            match stream.next().await.map_err(|error| broken(&error))? {
                NextEntry::Entry(_) => {}
                NextEntry::End(result, _) if result.code == SUCCESS => return Ok(()),
                // Whatever cut this search short may have kept the one user more from being seen.
                NextEntry::End(result, _) if matches!(result.code, SIZE_LIMIT_EXCEEDED | ADMIN_LIMIT_EXCEEDED) => {
                    let message = format!(
                        "the server ended the listing with exactly a full page and does not say whether there is anybody \
                            else; raise its size limit for the service account: {}",
                        said(result.code, &result.diagnostic)
                    );
                    return Err(Fault::unavailable(UnavailableReason::SIZE_LIMIT, message));
                }
                NextEntry::End(result, _) => return Err(self.page_fault(&result)),
            }
        }
        Err(paging_refused("it sends the first page as if there were no other"))
    }

    fn page_fault(&self, result: &OperationResult) -> Fault {
        page_fault(result.code, &result.diagnostic, self.config.is_anonymous())
    }

    fn end_of_page(&mut self, page: &Page, result: &OperationResult, controls: &[Control]) -> Result<Progress, Fault> {
        if result.code != SUCCESS {
            return Err(self.page_fault(result));
        }
        let Some(next) = next_cookie(controls)? else {
            // A server that does not know the control sends everything at once. One that knew it a page ago has lost
            // its place.
            return if self.cookie.is_end() {
                Ok(Progress::Complete)
            } else {
                Err(fault::protocol_violation("the server stopped paging in the middle of the listing"))
            };
        };
        if page.entries > self.page_size {
            return Err(self.too_large());
        }
        if next.is_end() {
            return Ok(Progress::Complete);
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
        let mut fingerprint = page.fingerprint.clone();
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

    fn too_large(&self) -> Fault {
        fault::protocol_violation(format_args!(
            "the server sent a page of more than the {} users asked for",
            self.page_size
        ))
    }
}

impl UserCursor for Listing {
    async fn next_page(&mut self, context: &RequestContext) -> Result<UserPage, Fault> {
        Ok(self.next(context.deadline.at_most(self.config.timeout)).await)
    }
}

enum Progress {
    More,
    Complete,
}

/// Why a search broke off.
fn broken(error: &ExchangeError) -> Fault {
    fault::exchange(WHAT, error)
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

fn paging_refused(said: &str) -> Fault {
    Fault::unavailable(UnavailableReason::PAGING_REFUSED, format!("the server refuses to list page by page: {said}"))
}

fn listed(entry: &Entry, plan: &Plan, now: SystemTime) -> ListedUser {
    let mut user = ListedUser::default();
    user.login = profile::login(entry, plan.names.attributes());
    user.display_name = plan.profile.display_name(entry);
    user.email = plan.profile.email(entry);
    user.phone = plan.profile.phone(entry);
    match plan.subject.of(entry) {
        Ok(subject) => {
            user.subject = Some(subject.id);
            user.subject_attribute = Some(subject.attribute);
            user.refusal = plan.state.check(entry, now).err().map(|barred| barred.reason());
        }
        Err(_) => user.refusal = Some(RejectReason::NO_STABLE_ID),
    }
    user
}

fn refused(mut user: ListedUser) -> ListedUser {
    user.refusal = Some(RejectReason::OTHER_REFUSAL);
    user
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
