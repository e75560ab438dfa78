//! Listings of users: page by page, each as its own call.

mod paging;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use provider_api::author::UserCursor;
use provider_api::{
    Deadline, Fault, ListRequest, ListedUser, RejectReason, RequestContext, UnavailableReason, UserPage,
};
use tokio::time::timeout_at;
use wire_guard::{Connection, EntryStream, ExchangeError, NextEntry, SearchRequest};

use crate::directory::{Directory, OpenConnection};
use crate::entry::{Entry, UnusableEntry};
use crate::fault;
use crate::plan::Plan;
use crate::profile;
use crate::result_code::{ADMIN_LIMIT_EXCEEDED, SIZE_LIMIT_EXCEEDED, SUCCESS, said};
use crate::search;
use crate::settings::Config;
use paging::{Paging, Progress, Tally, paging_refused};

/// How many entries are read before others get their turn.
const AT_A_STRETCH: usize = 16;

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
    paging: Paging,
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
    tally: Tally,
}

impl fmt::Debug for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Page").field("entries", &self.tally.entries()).finish_non_exhaustive()
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
            paging: Paging::new(limit.clamp(1, page), directory.config.is_anonymous()),
            config: directory.config.clone(),
            search: search::search_for_anybody(&plan, &plan.listed_attributes, 0),
            plan,
            state: State::BetweenPages(connection),
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
            Ok(Progress::Complete | Progress::CompleteAndFull) => UserPage::last(users),
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
                    let Page { stream, tally } = *page;
                    let entries = tally.entries();
                    let progress = self.paging.end_of_page(tally, &result, &controls)?;
                    let connection = stream.into_connection();
                    let connection = connection.ok_or_else(|| Fault::internal("a search has ended and has not"))?;
                    match progress {
                        Progress::More => self.state = State::BetweenPages(connection),
                        Progress::CompleteAndFull => self.expect_no_more_than(entries, connection, deadline).await?,
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
            self.paging.entry(&mut page.tally, &dn)?;
            users.push(user);
            // Entries that are always there would keep the deadline from being looked at.
            if page.tally.entries() % AT_A_STRETCH == 0 {
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
        let stream = connection.search(&self.search, Some(self.paging.next()), deadline.instant()).await;
        Ok(Box::new(Page { stream: stream.map_err(|error| broken(&error))?, tally: Tally::default() }))
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
                NextEntry::End(result, _) => return Err(self.paging.fault(&result)),
            }
        }
        Err(paging_refused("it sends the first page as if there were no other"))
    }
}

impl UserCursor for Listing {
    async fn next_page(&mut self, context: &RequestContext) -> Result<UserPage, Fault> {
        Ok(self.next(context.deadline.at_most(self.config.timeout)).await)
    }
}

/// Why a search broke off.
fn broken(error: &ExchangeError) -> Fault {
    fault::exchange(WHAT, error)
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
