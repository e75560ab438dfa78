use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use provider_api::Deadline;
use provider_api::author::Lane;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, oneshot};
use tokio::time::timeout_at;
use wire_guard::{Connection, End};

use super::open_connection::OpenConnection;
use super::search_pool::{LONGEST_IDLENESS, TRUSTED_FOR, expiry};
use super::turns::{Turn, Turns};
use crate::lock::lock;
use crate::per_lane::PerLane;

/// How many connections for binds there are to one server that is near: on each, one bind at a time can be under way,
/// and 8 to 16 of them are enough for 64 logins at once (measured).
const NEAR: usize = 16;

/// How many there are at most, to a server that is far.
const FAR: usize = 64;

/// Up to this round trip a server is near, and for each as long again it gets two more connections: at 10 ms, 64 logins
/// at once need about 32 (measured).
const NEAR_ROUND_TRIP: Duration = Duration::from_millis(1);

/// How often it is tried whether one more connection can be had by now, where it could not while there were others.
const ONE_MORE: Duration = Duration::from_secs(1);

/// The connections to one server that carry binds of users and, from the first of them on, nothing else. They are opened
/// when they are needed. Each lane has its own, and gets another's only where none can be opened.
#[derive(Debug)]
pub(crate) struct BindPool {
    /// One for each bind that may be under way, so that there are never more connections than that: one is opened only
    /// by who has a turn and finds none that is idle.
    turns: Turns,
    /// Those of each lane that are idle. The one that was used last is last: it is the one that is used next, and the others
    /// may become too many.
    idle: PerLane<Mutex<Vec<Idle>>>,
    shortage: Mutex<Shortage>,
    /// How many are in need, for who has to know only whether anybody is: each login.
    in_need: AtomicUsize,
    /// Written to while the first connection is opened. Those who wait for it read: were each alone with the lock, they would
    /// take one another for who opens it, and wait for each other as long as there are two of them.
    warming: Arc<RwLock<()>>,
    /// The addresses of all connections, idle or in use.
    members: Arc<Mutex<Vec<Option<SocketAddr>>>>,
}

/// Stands for the opening of the first connection.
#[derive(Debug)]
pub(crate) struct Warming(#[expect(dead_code, reason = "they are held")] (Turn, OwnedRwLockWriteGuard<()>));

/// That no more connections can be had than there are.
#[derive(Debug, Default)]
struct Shortage {
    /// Who has a turn and waits for a connection that is in use, since there is no other to be had.
    in_need: VecDeque<Need>,
    /// Set as long as that is so: when another is tried next.
    one_more: Option<Instant>,
}

/// Somebody who waits for a connection to this address.
#[derive(Debug)]
struct Need {
    peer: Option<SocketAddr>,
    given: oneshot::Sender<Idle>,
}

/// A connection that was asked for. Not taken, it goes to the next who needs it.
#[derive(Debug)]
pub(crate) struct Needed<'a> {
    pool: &'a BindPool,
    receiver: oneshot::Receiver<Idle>,
}

impl Needed<'_> {
    /// Waits for it: `None` if it is not going to come. Safe to cancel.
    pub(crate) async fn given(&mut self) -> Option<Idle> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Needed<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(idle) = self.receiver.try_recv() {
            self.pool.give_back(idle);
        }
    }
}

/// Counts a connection among those of the pool, and as open, as long as it lives.
#[derive(Debug)]
pub(crate) struct Member {
    peer: Option<SocketAddr>,
    lane: Lane,
    members: Arc<Mutex<Vec<Option<SocketAddr>>>>,
    _open: OpenConnection,
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = lock(&self.members);
        if let Some(position) = members.iter().position(|peer| *peer == self.peer) {
            members.swap_remove(position);
        }
    }
}

/// A connection that waits for its next bind.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) connection: Connection,
    /// On the heap, so that a login which has the connection is no larger for it.
    pub(crate) open: Box<Member>,
    pub(crate) expires: Instant,
    pub(crate) used: Instant,
    /// Whether it has carried a bind, and was not just opened for one.
    pub(crate) has_carried: bool,
}

impl Idle {
    /// Whether it has been idle too long, or is too old.
    fn is_over(&self, now: Instant) -> bool {
        now >= self.expires || now.duration_since(self.used) >= LONGEST_IDLENESS
    }
}

impl BindPool {
    /// For a server that is near, until [that is known](Self::fit).
    pub(crate) fn new() -> Self {
        Self::of_size(NEAR)
    }

    /// Turns alone, for binds each of which has a connection of its own, with a handshake and a search: so that what waits
    /// for a server that does not answer takes no more of this process's files than that.
    pub(crate) fn turns_alone() -> Self {
        Self::of_size(FAR)
    }

    fn of_size(size: usize) -> Self {
        Self {
            turns: Turns::new(size),
            idle: PerLane::default(),
            shortage: Mutex::default(),
            in_need: AtomicUsize::new(0),
            warming: Arc::default(),
            members: Arc::default(),
        }
    }

    /// The right to open a connection that nobody waits for yet, if there is none that is idle or in use. One that has ended
    /// is none: the server may have been restarted just now.
    pub(crate) fn begin_warming(&self) -> Option<Warming> {
        let warming = Arc::clone(&self.warming).try_write_owned().ok()?;
        if self.turns.taken() > 0 || self.sweep(Instant::now()) {
            return None;
        }
        Some(Warming((self.turns.try_one()?, warming)))
    }

    /// Waits for the first connection if it is being opened. Whether it was, and may be there now.
    pub(crate) async fn wait_for_warming(&self, deadline: Deadline) -> bool {
        if self.warming.try_read().is_ok() {
            return false;
        }
        timeout_at(deadline.instant().into(), self.warming.read()).await.is_ok()
    }

    /// Waits for a turn, in the order in which everybody in the caller's lane came.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        self.turns.one().await
    }

    /// Has all who wait for a turn look at what has changed, even if nobody gives one back.
    pub(crate) fn wake_who_waits(&self) {
        self.turns.wake_who_waits();
    }

    /// Whether all turns are taken, so that somebody may wait for one.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.turns.is_exhausted()
    }

    /// A connection to this address that was used before, if there is one: of the caller's lane, or of another where one more
    /// would be too many, or cannot be had. If there is none, and would be too many, the one that has been idle for longest
    /// makes room.
    pub(crate) fn take(&self, peer: Option<SocketAddr>, now: Instant) -> Option<Idle> {
        let mut idle = lock(self.idle.here());
        idle.retain(|idle| now < idle.expires);
        if let Some(position) = next_to(peer, &idle, now) {
            return Some(idle.remove(position));
        }
        drop(idle);
        let is_full = self.is_full_with_one_more();
        if is_full || lock(&self.shortage).one_more.is_some() {
            let lent = self.take_of_any(peer, now);
            if lent.is_some() {
                return lent;
            }
        }
        if is_full {
            let oldest = self.idle.all().find_map(|idle| {
                let mut idle = lock(idle);
                (!idle.is_empty()).then(|| idle.remove(0))
            });
            drop(oldest);
        }
        None
    }

    /// Whether there would be too many if everybody who has a turn opened one.
    fn is_full_with_one_more(&self) -> bool {
        let idle: usize = self.idle.all().map(|idle| lock(idle).len()).sum();
        idle + self.turns.taken() > self.turns.size()
    }

    fn take_of_any(&self, peer: Option<SocketAddr>, now: Instant) -> Option<Idle> {
        self.idle.all().find_map(|idle| {
            let mut idle = lock(idle);
            next_to(peer, &idle, now).map(|position| idle.remove(position))
        })
    }

    /// With a turn, the connection that the next bind to this address would take, if it has been idle for so long that it has
    /// to give a sign of life first.
    pub(crate) fn take_stale(&self, peer: Option<SocketAddr>, now: Instant) -> Option<(Turn, Idle)> {
        let turn = self.turns.try_one()?;
        let mut idle = lock(self.idle.here());
        let position = next_to(peer, &idle, now)?;
        let is_stale = now.saturating_duration_since(idle.get(position)?.used) >= TRUSTED_FOR;
        is_stale.then(|| (turn, idle.remove(position)))
    }

    /// A connection that was just opened, as one of these.
    pub(crate) fn join(&self, connection: Connection, open: OpenConnection) -> Idle {
        let (peer, members) = (connection.peer(), Arc::clone(&self.members));
        let (lane, now) = (Lane::here(), Instant::now());
        self.members().push(peer);
        let open = Box::new(Member { peer, lane, members, _open: open });
        Idle { connection, open, expires: expiry(now), used: now, has_carried: false }
    }

    /// Gives a connection back after a bind that was answered, unless it is too old: one that goes from hand to hand is looked
    /// at here alone.
    pub(crate) fn give_back(&self, idle: Idle) {
        if idle.used >= idle.expires {
            return;
        }
        let lane = idle.open.lane;
        lock(self.idle.of(lane)).push(idle);
        self.relieve();
    }

    /// A connection to this address as soon as one is given back, for who has a turn and cannot open another; those who came
    /// before have theirs first, unless a bind to come takes it in the very moment.
    pub(crate) fn need(&self, peer: Option<SocketAddr>, now: Instant) -> Needed<'_> {
        let (given, receiver) = oneshot::channel();
        let mut shortage = lock(&self.shortage);
        shortage.in_need.push_back(Need { peer, given });
        // Before it is looked for: whoever gives one back from now on sees that it is needed.
        self.in_need.store(shortage.in_need.len(), Ordering::SeqCst);
        self.hand_over(&mut shortage, now);
        drop(shortage);
        Needed { pool: self, receiver }
    }

    /// Gives what is idle to those who need it. To be called after something has become idle.
    fn relieve(&self) {
        if self.in_need.load(Ordering::SeqCst) > 0 {
            self.hand_over(&mut lock(&self.shortage), Instant::now());
        }
    }

    fn hand_over(&self, shortage: &mut Shortage, now: Instant) {
        for need in std::mem::take(&mut shortage.in_need) {
            if need.given.is_closed() {
                continue;
            }
            let Some(idle) = self.take_of_any(need.peer, now) else {
                shortage.in_need.push_back(need);
                continue;
            };
            if let Err(returned) = need.given.send(idle) {
                // Nobody waits for it any more.
                lock(self.idle.of(returned.open.lane)).push(returned);
            }
        }
        self.in_need.store(shortage.in_need.len(), Ordering::SeqCst);
    }

    /// Whether there are connections to this address, idle or in use.
    pub(crate) fn has_any_to(&self, peer: Option<SocketAddr>) -> bool {
        self.members().contains(&peer)
    }

    /// Whether it is known that no more connections to this address can be had than there are. Who is told that it is not has
    /// to try.
    pub(crate) fn is_full(&self, peer: Option<SocketAddr>, now: Instant) -> bool {
        let mut shortage = lock(&self.shortage);
        let Some(next) = shortage.one_more else { return false };
        if now < next {
            return self.has_any_to(peer);
        }
        shortage.one_more = Some(now + ONE_MORE);
        false
    }

    /// Takes note of whether one more connection could be had.
    pub(crate) fn note_one_more(&self, could: bool, now: Instant) {
        lock(&self.shortage).one_more = (!could).then(|| now + ONE_MORE);
    }

    /// Closes those that are idle and are of no further use: what has ended, is too old, or has been idle too long. Whether
    /// any are left.
    pub(crate) fn sweep(&self, now: Instant) -> bool {
        let (mut ends, mut has_any) = (Vec::new(), false);
        for idle in self.idle.all() {
            let mut idle = lock(idle);
            idle.retain_mut(|idle| {
                let end = idle.connection.end();
                let stays = end.is_none() && !idle.is_over(now);
                ends.extend(end);
                stays
            });
            has_any |= !idle.is_empty();
        }
        // When the locks are free: what a host does with its log may take time.
        ends.into_iter().for_each(End::report);
        has_any
    }

    /// Gives up all that have been idle too long to be trusted: one of them turned out to be dead.
    pub(crate) fn forget_idle(&self, now: Instant) {
        for idle in self.idle.all() {
            lock(idle).retain(|idle| now.duration_since(idle.used) < TRUSTED_FOR);
        }
    }

    /// Has those that are idle give a sign of life before they are used, however short a time ago they were: they are all
    /// that was left of the connections to the server.
    pub(crate) fn distrust_idle(&self, now: Instant) {
        let Some(long_ago) = now.checked_sub(TRUSTED_FOR) else { return };
        for idle in self.idle.all() {
            for idle in lock(idle).iter_mut() {
                idle.used = idle.used.min(long_ago);
            }
        }
    }

    /// Adapts the number of connections to the round trip.
    pub(crate) fn fit(&self, round_trip: Duration) {
        // One at a time.
        let _shortage = lock(&self.shortage);
        self.turns.resize(size_for(round_trip));
    }

    fn members(&self) -> MutexGuard<'_, Vec<Option<SocketAddr>>> {
        lock(&self.members)
    }
}

/// Where the connection is that the next bind to this address takes, if there is one.
fn next_to(peer: Option<SocketAddr>, idle: &[Idle], now: Instant) -> Option<usize> {
    idle.iter().rposition(|idle| now < idle.expires && idle.connection.peer() == peer)
}

fn size_for(round_trip: Duration) -> usize {
    let times = usize::try_from(round_trip.as_micros() / NEAR_ROUND_TRIP.as_micros()).unwrap_or(FAR);
    (NEAR + 2 * times.saturating_sub(1)).min(FAR)
}

#[cfg(test)]
mod tests;
