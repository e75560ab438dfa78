//! One of the directory's servers: its connections, and whether it can be reached.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use provider_api::{Deadline, Fault, FaultKind, UnavailableReason};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot, watch};
use tokio::time::timeout_at;
use wire_guard::{
    BindResponse, Connection, Endpoint, FoundEntry, Limits, Security, UserBind, UserBindAnswer, UserBindError, tcp,
};

use super::bind_pool::{BindPool, Idle, Turn};
use super::breaker::{Availability, Breaker, Urgency};
use super::detection::Detection;
use super::open_connection::OpenConnection;
use super::search_pool::{Offer, Place, SearchPool, TRUSTED_FOR};
use super::service_account::ServiceAccount;
use super::service_connection::ServiceConnection;
use super::setback::Setback;
use super::shared_connection::SharedConnection;
use super::steps::Steps;
use crate::fault;
use crate::kind::RootDse;
use crate::metrics::Metrics;
use crate::result_code::{
    CONSTRAINT_VIOLATION, INAPPROPRIATE_AUTHENTICATION, INSUFFICIENT_ACCESS_RIGHTS, INVALID_CREDENTIALS, SUCCESS,
    UNWILLING_TO_PERFORM,
};
use crate::settings::{Config, UserBinds};

/// One server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    detection: Arc<Detection>,
    breaker: Breaker,
    account: ServiceAccount,
    searches: SearchPool,
    /// For searches that may find many entries each: so many at a time lie in memory.
    group_turns: Semaphore,
    binds: BindPool,
    /// The attempt to open a connection for searching that is under way, if there is one. All who need one wait for it.
    opening: Mutex<Option<watch::Receiver<Attempt>>>,
    /// The shortest round trip since it was last looked at, in microseconds.
    round_trip: AtomicU64,
    /// Told whenever a server has become available.
    recoveries: watch::Sender<()>,
    /// The address that took a connection last and then was of no use, and when.
    shunned: Mutex<Option<(SocketAddr, Instant)>>,
}

/// What has become of an attempt; `None` while it is under way.
type Attempt = Option<Result<(), Fault>>;

/// How many searches for groups may be under way. Each may be answered with as much as all that [`Limits::LOGIN`] lets a
/// search be answered with.
const GROUP_SEARCHES: usize = 4;

/// How many connections may be gone by the time that a login comes to use them.
const MOST_OPENED: usize = 3;

/// With less time than this left, a password is not sent: the answer could not be waited for.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// For how long an address that took a connection and then was of no use is tried after the others of its name.
const SHUNNED_FOR: Duration = Duration::from_mins(1);

const WHAT_WAITS: &str = "all connections to the server are busy";

impl Server {
    pub(super) fn new(
        endpoint: Endpoint,
        (config, metrics, detection): (Arc<Config>, Arc<Metrics>, Arc<Detection>),
        recoveries: watch::Sender<()>,
    ) -> Self {
        Self {
            endpoint,
            config,
            metrics,
            detection,
            group_turns: Semaphore::new(GROUP_SEARCHES),
            breaker: Breaker::default(),
            account: ServiceAccount::default(),
            searches: SearchPool::default(),
            binds: BindPool::new(),
            opening: Mutex::default(),
            round_trip: AtomicU64::new(u64::MAX),
            recoveries,
            shunned: Mutex::default(),
        }
    }

    pub(crate) fn availability(&self) -> Availability {
        self.breaker.availability()
    }

    // ---- making connections ------------------------------------------------------------------------------------------

    pub(crate) async fn resolve(&self, deadline: Deadline) -> Result<Vec<SocketAddr>, Fault> {
        self.endpoint.resolve(deadline.instant()).await.map_err(|error| fault::resolve(&error))
    }

    pub(crate) async fn connect(&self, addresses: &[SocketAddr], deadline: Deadline) -> Result<TcpStream, Fault> {
        let began = Instant::now();
        let tcp = tcp::connect(addresses, deadline.instant()).await.map_err(|error| fault::connect(&error))?;
        self.note_round_trip(began.elapsed());
        Ok(tcp)
    }

    pub(crate) async fn secure(
        &self,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        let open = OpenConnection::count(&self.metrics);
        if !matches!(self.endpoint.security, Security::Plain) {
            self.metrics.tls_handshakes.add();
        }
        let connection = Connection::secure(tcp, &self.endpoint.security, limits, deadline.instant()).await;
        Ok((connection.map_err(|error| fault::secure(&self.endpoint, &error))?, open))
    }

    /// Finds out which kind of directory it is, if that is not known.
    async fn detect(&self, connection: Connection, deadline: Deadline) -> Result<Connection, Fault> {
        if self.detection.plan().is_some() {
            return Ok(connection);
        }
        let (connection, root_dse) = self.root_dse(connection, deadline).await?;
        self.detection.learn(root_dse.as_ref());
        Ok(connection)
    }

    /// What the server says of itself.
    pub(crate) async fn root_dse(
        &self,
        connection: Connection,
        deadline: Deadline,
    ) -> Result<(Connection, Option<FoundEntry>), Fault> {
        let read = connection.root_dse(&RootDse::ATTRIBUTES, deadline.instant()).await;
        read.map_err(|error| fault::exchange("reading the server's root DSE", &error))
    }

    /// The service account's bind, whether or not it was refused just before.
    pub(crate) async fn bind_service_anyway(
        &self,
        connection: &mut Connection,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        self.account.bind_anyway(connection, &self.config.account, &self.metrics, deadline).await
    }

    /// A connection for searching that is nobody else's.
    ///
    /// Must not be given up before its end if there is a service account: see [`ServiceAccount::bind`].
    pub(crate) async fn dedicated(
        &self,
        limits: Limits,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<ServiceConnection, Fault> {
        self.check_account()?;
        let addresses = self.resolve(deadline.at_most(steps.resolve)).await?;
        let deadline = deadline.at_most(steps.connect);
        let tcp = self.connect(&addresses, deadline).await?;
        let (connection, open) = self.bound(tcp, limits, deadline).await?;
        ServiceConnection::over(self.detect(connection, deadline).await?, open).await
    }

    /// Nobody has to be dialled to hear again what was said less than a minute ago.
    fn check_account(&self) -> Result<(), Fault> {
        self.account.refusal(Instant::now()).map_or(Ok(()), Err)
    }

    async fn bound(
        &self,
        tcp: TcpStream,
        limits: Limits,
        deadline: Deadline,
    ) -> Result<(Connection, OpenConnection), Fault> {
        let (mut connection, open) = self.secure(tcp, limits, deadline).await?;
        let began = Instant::now();
        self.account.bind(&mut connection, &self.config.account, &self.metrics, deadline).await?;
        if !self.config.is_anonymous() {
            self.note_round_trip(began.elapsed());
        }
        Ok((connection, open))
    }

    // ---- searching ---------------------------------------------------------------------------------------------------

    /// A place for a search on a shared connection, which is opened if need be.
    pub(crate) async fn place(self: &Arc<Self>, steps: Steps, deadline: Deadline) -> Result<Place, Setback> {
        let mut opened = 0;
        loop {
            if deadline.remaining().is_zero() {
                return Err(Setback::Final(fault::timeout(WHAT_WAITS)));
            }
            let (offer, another_helps) = self.searches.offer(Instant::now());
            if another_helps {
                drop(self.open_shared());
            }
            match offer {
                Offer::Place(place) => return Ok(place),
                Offer::Queue(queue) => match timeout_at(deadline.instant().into(), queue.place()).await {
                    Ok(Some(place)) => return Ok(place),
                    Ok(None) => {}
                    Err(_) => return Err(Setback::Final(fault::timeout(WHAT_WAITS))),
                },
                // It said too much before it was asked: another connection would bring the same.
                Offer::Nothing
                    if opened > 0
                        && let Some(end) = self.searches.violation() =>
                {
                    return Err(Setback::Elsewhere(fault::ended("a new connection", &end)));
                }
                Offer::Nothing if opened == MOST_OPENED => {
                    let fault = fault::closed_at_once(&self.endpoint);
                    self.is_down(&fault, Instant::now());
                    return Err(Setback::Elsewhere(fault));
                }
                Offer::Nothing => {
                    opened += 1;
                    self.wait_for(self.open_shared(), steps, deadline).await?;
                }
            }
        }
    }

    /// A turn for a search that may find many entries.
    pub(crate) async fn group_turn(&self, deadline: Deadline) -> Result<SemaphorePermit<'_>, Fault> {
        match timeout_at(deadline.instant().into(), self.group_turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(fault::timeout("other searches for groups are under way")),
        }
    }

    /// Takes note that a search is made for a login.
    pub(crate) fn count_search(&self) {
        self.metrics.searches.add();
    }

    /// Gives up a connection that does not answer, or has ended, and all that have been idle: a server, a firewall or a
    /// proxy that has forgotten one has forgotten those too.
    pub(crate) fn give_up(&self, connection: &SharedConnection) {
        let now = Instant::now();
        self.searches.remove(connection, now);
        self.binds.forget_idle(now);
    }

    async fn wait_for(
        &self,
        mut attempt: watch::Receiver<Attempt>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(), Setback> {
        let limit = deadline.at_most(steps.resolve + steps.connect);
        let outcome = match timeout_at(limit.instant().into(), attempt.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => (*outcome).clone(),
            // The attempt has panicked, or the provider is being shut down.
            Ok(Err(_)) => Some(Err(Fault::internal("the attempt to connect has ended without an outcome"))),
            Err(_) => Some(Err(fault::timeout(&format!("connecting to {}", self.endpoint)))),
        };
        match outcome {
            Some(Err(fault)) => Err(Setback::before_the_password(fault)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Opens a shared connection for searching, in the background, so that nobody who stops waiting stops it: one
    /// attempt at a time, which all wait for. Its outcome says whether the server can be reached.
    fn open_shared(self: &Arc<Self>) -> watch::Receiver<Attempt> {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = &*opening
            // Whether the sender is gone without an outcome.
            && attempt.has_changed().is_ok()
            && attempt.borrow().is_none()
        {
            return attempt.clone();
        }
        let (outcome, attempt) = watch::channel(None);
        *opening = Some(attempt.clone());
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let opened = server.attempt().await;
            let _ = outcome.send(Some(opened));
        });
        attempt
    }

    async fn connect_shared(self: &Arc<Self>) -> Result<SharedConnection, Fault> {
        let steps = Steps::of(self.config.timeout);
        let addresses = self.in_order(self.resolve(Deadline::after(steps.resolve)).await?);
        let deadline = Deadline::after(steps.connect);
        let is_up = self.availability() == Availability::Available;
        let mut detected = None;
        // Beside this one, so that the first login does not wait for two handshakes, one after the other.
        if let ([address], true) = (addresses.as_slice(), is_up) {
            detected = self.warm_up(*address, deadline);
        }
        let tcp = self.connect(&addresses, deadline).await?;
        if let ([_, _, ..], Ok(peer), true) = (addresses.as_slice(), tcp.peer_addr(), is_up) {
            detected = self.warm_up(peer, deadline);
        }
        let peer = tcp.peer_addr().ok();
        let made = async {
            let (mut connection, open) = self.bound(tcp, Limits::LOGIN, deadline).await?;
            if self.config.is_anonymous() && !is_up {
                // A server that was down, and accepts connections, may be silent all the same.
                self.metrics.probes.add();
                let probed = connection.probe(deadline.instant()).await;
                connection = probed.map_err(|error| fault::exchange("the first question to the server", &error))?;
            }
            if let Some(detected) = detected {
                // Whether it was found out there shows below.
                let _ = timeout_at(deadline.instant().into(), detected).await;
            }
            Ok(SharedConnection::over(self.detect(connection, deadline).await?, open))
        };
        let made = made.await;
        if made.is_err()
            && let Some(peer) = peer
        {
            *self.shunned.lock().unwrap_or_else(PoisonError::into_inner) = Some((peer, Instant::now()));
        }
        made
    }

    /// The addresses of the server's name as they are to be tried: the one that is connected to already first, since it
    /// has the connections for binds, and the one that was of no use lately last.
    fn in_order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let shunned = *self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let shunned = shunned.filter(|(_, when)| when.elapsed() < SHUNNED_FOR).map(|(address, _)| address);
        let present = self.searches.peer();
        addresses.sort_by_key(|address| (Some(*address) == shunned, Some(*address) != present));
        addresses
    }

    async fn attempt(self: &Arc<Self>) -> Result<(), Fault> {
        // What is known without asking says nothing about the server.
        if let Err(refusal) = self.check_account() {
            self.breaker.probe_ended();
            return Err(refusal);
        }
        if self.searches.is_full() {
            return Ok(());
        }
        let began = Instant::now();
        match self.connect_shared().await {
            Ok(connection) => {
                self.searches.add(connection);
                self.fit();
                self.breaker.close(Instant::now());
                self.recoveries.send_replace(());
                Ok(())
            }
            Err(fault) => {
                if fault.kind() == FaultKind::Unavailable {
                    // A server that does not want another connection is not down, as long as there is one that works.
                    let is_up = self.availability() == Availability::Available;
                    if !(is_up && self.searches.makes_do(Instant::now())) {
                        self.is_down(&fault, began);
                    }
                } else {
                    // It has answered, if only to say that the service account is refused.
                    self.breaker.close(Instant::now());
                }
                Err(fault)
            }
        }
    }

    /// Takes note that the server could not be reached.
    pub(crate) fn is_down(&self, fault: &Fault, began: Instant) {
        // This side's lack of files is no fault of the server's.
        if fault.code() == UnavailableReason::OVERLOADED.as_str() {
            self.breaker.probe_ended();
            return;
        }
        if self.breaker.open(fault.clone(), began, Instant::now(), fastrand::f64()) {
            // Why, is in the line of each login.
            log::info!("{} is left alone for some seconds: {}", self.endpoint, fault.code());
        }
    }

    /// Finds out in the background whether a server that was down is back, if it is time to.
    pub(super) fn probe(self: &Arc<Self>, urgency: Urgency) {
        let steps = Steps::of(self.config.timeout);
        if self.breaker.take_probe(urgency, Instant::now(), steps.resolve + steps.connect + Duration::from_secs(1)) {
            drop(self.open_shared());
        }
    }

    // ---- binding -----------------------------------------------------------------------------------------------------

    /// Tries a typed password on a connection that carries such binds and nothing else, to the address at which the
    /// entry was found: another server that has the same name may not have the entry, or not its newest password.
    ///
    /// # Errors
    ///
    /// With the bind, if nothing of it was sent.
    pub(crate) async fn bind_user(
        &self,
        mut bind: UserBind,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<BindResponse, (Setback, Option<UserBind>)> {
        let Ok(turn) = timeout_at(deadline.instant().into(), self.binds.turn()).await else {
            return Err((Setback::Final(fault::timeout(WHAT_WAITS)), Some(bind)));
        };
        loop {
            if deadline.remaining() < LEAST_TIME {
                return Err((Setback::Final(fault::timeout("waiting for a connection")), Some(bind)));
            }
            let (connection, reused) = match self.user_connection(peer, steps, deadline).await {
                Ok(connection) => connection,
                Err(setback) => return Err((setback, Some(bind))),
            };
            let Idle { connection, open, expires, .. } = connection;
            let limit = deadline.at_most(steps.operation);
            // Before it is sent, so that one which is given up is counted too.
            self.metrics.user_binds.add();
            match connection.bind_user(bind, limit.instant()).await {
                Ok(answer) => {
                    if reused {
                        self.metrics.connections_reused.add();
                    }
                    if let Some(connection) = answer.connection
                        && self.config.user_binds == UserBinds::Pooled
                        && leaves_the_connection_usable(answer.response.result.code)
                    {
                        self.binds.give_back(Idle { connection, open, expires, used: Instant::now() });
                    }
                    drop::<Option<Turn>>(turn);
                    return Ok(answer.response);
                }
                Err(UserBindError::NotSent(error, unspent)) => {
                    self.metrics.user_binds.take_back();
                    bind = unspent;
                    if !reused {
                        let fault = fault::exchange("the bind as the user: nothing was sent", &error);
                        return Err((Setback::Elsewhere(fault), Some(bind)));
                    }
                }
                Err(error) => {
                    // Whatever kept it from being answered may have happened to those that are idle as well.
                    self.binds.forget_idle(Instant::now());
                    return Err((Setback::Final(fault::user_bind(&error)), None));
                }
            }
        }
    }

    /// Opens the first connection for binds before anybody needs it, if there is none. As long as the kind of the directory
    /// is not known, it is asked there, before anybody is bound: beside the service account's bind, it costs no time. What
    /// is returned ends with the answer.
    fn warm_up(self: &Arc<Self>, address: SocketAddr, deadline: Deadline) -> Option<oneshot::Receiver<()>> {
        if self.config.user_binds != UserBinds::Pooled || self.config.bind_template.is_some() {
            return None;
        }
        let warming = self.binds.begin_warming()?;
        let (answered, detected) = oneshot::channel();
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let opened = async {
                let tcp = server.connect(&[address], deadline).await?;
                let (mut connection, open) = server.secure(tcp, Limits::LOGIN, deadline).await?;
                if server.detection.plan().is_none() {
                    let root_dse;
                    (connection, root_dse) = server.root_dse(connection, deadline).await?;
                    // One that is shown to nobody may be shown to the service account.
                    if root_dse.is_some() {
                        server.detection.learn(root_dse.as_ref());
                    }
                }
                drop(answered);
                Ok::<_, Fault>((connection, open))
            };
            // If it fails, the connection beside it fails too, or whoever needs it hears of it.
            if let Ok((connection, open)) = opened.await {
                server.binds.give_back(Idle::new(connection, open));
            }
            drop(warming);
        });
        Some(detected)
    }

    /// Tries a typed password on a connection of its own, on which its owner can be asked afterwards.
    ///
    /// # Errors
    ///
    /// With the bind, if nothing of it was sent.
    pub(crate) async fn bind_directly(
        &self,
        bind: UserBind,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(UserBindAnswer, OpenConnection), (Setback, Option<UserBind>)> {
        let opened = async {
            let addresses = self.in_order(self.resolve(deadline.at_most(steps.resolve)).await?);
            let limit = deadline.at_most(steps.connect);
            let tcp = self.connect(&addresses, limit).await?;
            let (connection, open) = self.secure(tcp, Limits::LOGIN, limit).await?;
            Ok((self.detect(connection, limit).await?, open))
        };
        let (connection, open) = match opened.await {
            Ok(opened) => opened,
            Err(fault) if deadline.remaining().is_zero() => return Err((Setback::Final(fault), Some(bind))),
            Err(fault) => return Err((Setback::before_the_password(fault), Some(bind))),
        };
        if deadline.remaining() < LEAST_TIME {
            return Err((Setback::Final(fault::timeout("opening a connection")), Some(bind)));
        }
        self.metrics.user_binds.add();
        match connection.bind_user(bind, deadline.at_most(steps.operation).instant()).await {
            Ok(answer) => Ok((answer, open)),
            Err(UserBindError::NotSent(error, unspent)) => {
                self.metrics.user_binds.take_back();
                let fault = fault::exchange("the bind as the user: nothing was sent", &error);
                Err((Setback::Elsewhere(fault), Some(unspent)))
            }
            Err(error) => Err((Setback::Final(fault::user_bind(&error)), None)),
        }
    }

    /// A connection for a bind, and whether it was opened for another.
    async fn user_connection(
        &self,
        peer: Option<SocketAddr>,
        steps: Steps,
        deadline: Deadline,
    ) -> Result<(Idle, bool), Setback> {
        let limit = deadline.at_most(steps.connect);
        loop {
            while let Some(idle) = self.binds.take(peer, Instant::now()) {
                if let Some(idle) = self.still_there(idle, steps, deadline).await {
                    return Ok((idle, true));
                }
            }
            if !self.binds.wait_for_warming(limit).await {
                break;
            }
        }
        let opened = async {
            let addresses = match peer {
                Some(peer) => vec![peer],
                None => self.resolve(limit).await?,
            };
            let tcp = self.connect(&addresses, limit).await?;
            self.secure(tcp, Limits::LOGIN, limit).await
        };
        match opened.await {
            Ok((connection, open)) => Ok((Idle::new(connection, open), false)),
            Err(fault) if deadline.remaining().is_zero() => Err(Setback::Final(fault)),
            Err(fault) => Err(Setback::before_the_password(fault)),
        }
    }

    /// The connection, if it can carry a password: one that has been idle for a while has to give a sign of life first.
    async fn still_there(&self, idle: Idle, steps: Steps, deadline: Deadline) -> Option<Idle> {
        let Idle { connection, open, expires, used } = idle;
        if used.elapsed() < TRUSTED_FOR {
            let connection = connection.unless_ended().await?;
            return Some(Idle { connection, open, expires, used });
        }
        self.metrics.probes.add();
        match connection.probe(deadline.at_most(steps.probe).instant()).await {
            Ok(connection) => Some(Idle { connection, open, expires, used }),
            Err(error) => {
                log::debug!("an idle connection to {} is of no further use: {error}", self.endpoint);
                self.binds.forget_idle(Instant::now());
                None
            }
        }
    }

    // ---- upkeep ------------------------------------------------------------------------------------------------------

    /// Closes connections that are idle, expired or ended.
    pub(super) async fn sweep(&self) {
        let now = Instant::now();
        self.searches.sweep(now);
        let mut looked_after = Vec::new();
        while let Some((turn, idle)) = self.binds.take_oldest() {
            if idle.is_over(now) {
                continue;
            }
            let Idle { connection, open, expires, used } = idle;
            if let Some(connection) = connection.unless_ended().await {
                looked_after.push((turn, Idle { connection, open, expires, used }));
            }
        }
        self.binds.put_back(looked_after);
        self.fit();
    }

    /// Takes note of how long the server took for something small.
    pub(crate) fn note_round_trip(&self, took: Duration) {
        self.round_trip.fetch_min(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Has as many connections for binds as the round trip asks for.
    fn fit(&self) {
        let micros = self.round_trip.swap(u64::MAX, Ordering::Relaxed);
        if micros != u64::MAX {
            self.binds.fit(Duration::from_micros(micros));
        }
    }
}

/// Whether the next password may travel on a connection on which a bind was answered so. After whatever says more of
/// the server than of the user, it may not.
fn leaves_the_connection_usable(code: u32) -> bool {
    matches!(
        code,
        SUCCESS
            | INVALID_CREDENTIALS
            | CONSTRAINT_VIOLATION
            | INAPPROPRIATE_AUTHENTICATION
            | INSUFFICIENT_ACCESS_RIGHTS
            | UNWILLING_TO_PERFORM
    )
}
