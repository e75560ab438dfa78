use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use provider_api::Deadline;
use tokio::sync::{OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::time::timeout_at;
use wire_guard::Connection;

use super::open_connection::OpenConnection;
use super::search_pool::{LONGEST_IDLENESS, TRUSTED_FOR, expiry};

/// How many connections for binds there are to one server that is near: on each, one bind at a time can be under way,
/// and 8 to 16 of them are enough for 64 logins at once (measured).
const NEAR: usize = 16;

/// How many there are at most, to a server that is far.
const FAR: usize = 64;

/// Up to this round trip a server is near, and for each as long again it gets two more connections: at 10 ms, 64 logins
/// at once need about 32 (measured).
const NEAR_ROUND_TRIP: Duration = Duration::from_millis(1);

/// The connections to one server that carry binds of users and, from the first of them on, nothing else. They are opened
/// when they are needed.
#[derive(Debug)]
pub(crate) struct BindPool {
    /// One for each bind that may be under way, so that there are never more connections than that: one is opened only
    /// by who has a turn and finds none that is idle.
    turns: Arc<Semaphore>,
    state: Mutex<State>,
    /// Written to while the first connection is opened. Those who wait for it read: were each alone with the lock, they would
    /// take one another for who opens it, and wait for each other as long as there are two of them.
    warming: Arc<RwLock<()>>,
}

/// Stands for the opening of the first connection.
#[derive(Debug)]
pub(crate) struct Warming(#[expect(dead_code, reason = "they are held")] (Turn, OwnedRwLockWriteGuard<()>));

#[derive(Debug)]
struct State {
    /// The one that was used last is last: it is the one that is used next, and the others may become too many.
    idle: Vec<Idle>,
    size: usize,
}

/// A connection that waits for its next bind.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) connection: Connection,
    pub(crate) open: OpenConnection,
    pub(crate) expires: Instant,
    pub(crate) used: Instant,
}

impl Idle {
    /// A connection that was just opened.
    pub(crate) fn new(connection: Connection, open: OpenConnection) -> Self {
        let now = Instant::now();
        Self { connection, open, expires: expiry(now), used: now }
    }

    /// Whether it has been idle too long, or is too old.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.expires || now.duration_since(self.used) >= LONGEST_IDLENESS
    }
}

/// The right to have one bind under way.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl BindPool {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(NEAR)),
            state: Mutex::new(State { idle: Vec::new(), size: NEAR }),
            warming: Arc::default(),
        }
    }

    /// The right to open a connection that nobody waits for yet, if there is none that is idle or in use.
    pub(crate) fn begin_warming(&self) -> Option<Warming> {
        let warming = Arc::clone(&self.warming).try_write_owned().ok()?;
        let state = self.lock();
        if !state.idle.is_empty() || self.turns.available_permits() < state.size {
            return None;
        }
        let turn = Arc::clone(&self.turns).try_acquire_owned().ok()?;
        Some(Warming((Turn(turn), warming)))
    }

    /// Waits for the first connection if it is being opened. Whether it was, and may be there now.
    pub(crate) async fn wait_for_warming(&self, deadline: Deadline) -> bool {
        if self.warming.try_read().is_ok() {
            return false;
        }
        timeout_at(deadline.instant().into(), self.warming.read()).await.is_ok()
    }

    /// Waits for a turn, in the order in which everybody came.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.turns).acquire_owned().await.ok().map(Turn)
    }

    /// Has all who wait for a turn look at what has changed, even if nobody gives one back. Whoever does not want theirs any
    /// more passes it on, so that one turn more is enough; who comes to have it last is nobody, and it is withdrawn.
    pub(crate) fn wake_who_waits(&self) {
        self.turns.add_permits(1);
        let turns = Arc::clone(&self.turns);
        tokio::spawn(async move {
            if let Ok(last) = turns.acquire().await {
                last.forget();
            }
        });
    }

    /// Whether all turns are taken, so that somebody may wait for one.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.turns.available_permits() == 0
    }

    /// A connection to this address that was used before, if there is one. If there is none, another one makes room
    /// where there would be too many.
    pub(crate) fn take(&self, peer: Option<SocketAddr>, now: Instant) -> Option<Idle> {
        let mut state = self.lock();
        state.idle.retain(|idle| now < idle.expires);
        if let Some(position) = state.idle.iter().rposition(|idle| idle.connection.peer() == peer) {
            return Some(state.idle.remove(position));
        }
        let taken = state.size.saturating_sub(self.turns.available_permits());
        if !state.idle.is_empty() && state.idle.len() + taken > state.size {
            state.idle.remove(0);
        }
        None
    }

    /// Gives a connection back after a bind that was answered.
    pub(crate) fn give_back(&self, idle: Idle) {
        self.lock().idle.push(idle);
    }

    /// Gives up all that have been idle too long to be trusted: one of them turned out to be dead.
    pub(crate) fn forget_idle(&self, now: Instant) {
        self.lock().idle.retain(|idle| now.duration_since(idle.used) < TRUSTED_FOR);
    }

    /// Has those that are idle give a sign of life before they are used, however short a time ago they were: they are all
    /// that was left of the connections to the server.
    pub(crate) fn distrust_idle(&self, now: Instant) {
        let Some(long_ago) = now.checked_sub(TRUSTED_FOR) else { return };
        for idle in &mut self.lock().idle {
            idle.used = idle.used.min(long_ago);
        }
    }

    /// The connection that has been idle longest, with a turn, so that nobody opens another in its place. For looking
    /// after: it has to be [put back](Self::put_back). `None` also while all turns are taken, since then there is
    /// nothing to look after.
    pub(crate) fn take_oldest(&self) -> Option<(Turn, Idle)> {
        let turn = Arc::clone(&self.turns).try_acquire_owned().ok()?;
        let mut state = self.lock();
        (!state.idle.is_empty()).then(|| (Turn(turn), state.idle.remove(0)))
    }

    /// Puts those back that are of further use.
    pub(crate) fn put_back(&self, looked_after: Vec<(Turn, Idle)>) {
        self.lock().idle.splice(..0, looked_after.into_iter().map(|(_, idle)| idle));
    }

    /// Adapts the number of connections to the round trip.
    pub(crate) fn fit(&self, round_trip: Duration) {
        let mut state = self.lock();
        let wanted = size_for(round_trip);
        if wanted > state.size {
            self.turns.add_permits(wanted - state.size);
            state.size = wanted;
        } else {
            // Those that are taken can be withdrawn another time.
            state.size -= self.turns.forget_permits(state.size - wanted);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size_for(round_trip: Duration) -> usize {
    let times = usize::try_from(round_trip.as_micros() / NEAR_ROUND_TRIP.as_micros()).unwrap_or(FAR);
    (NEAR + 2 * times.saturating_sub(1)).min(FAR)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use provider_api::Deadline;

    use super::{BindPool, size_for};

    #[test]
    fn the_farther_the_server_the_more_connections() {
        for (millis, size) in [(0, 16), (1, 16), (2, 18), (10, 34), (25, 64), (10_000, 64)] {
            assert_eq!(size_for(Duration::from_millis(millis)), size, "{millis} ms");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn those_who_wait_for_the_first_connection_do_not_wait_for_each_other() {
        let pool = Arc::new(BindPool::new());
        let deadline = Deadline::after(Duration::from_mins(1));
        let warming = pool.begin_warming().unwrap();
        let waiting: Vec<_> = (0..64)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { while pool.wait_for_warming(deadline).await {} })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(waiting.iter().all(|login| !login.is_finished()), "the connection is being opened");
        drop(warming);
        for login in waiting {
            tokio::time::timeout(Duration::from_secs(20), login).await.expect("none is being opened").unwrap();
        }
    }

    #[tokio::test]
    async fn there_are_as_many_turns_as_connections() {
        let pool = BindPool::new();
        let mut turns = Vec::new();
        for _ in 0..16 {
            assert!(!pool.is_exhausted());
            turns.push(pool.turn().await);
        }
        assert!(pool.is_exhausted());
        pool.fit(Duration::from_millis(10));
        assert_eq!(pool.turns.available_permits(), 18);
        pool.fit(Duration::ZERO);
        assert_eq!(pool.turns.available_permits(), 0);
        turns.clear();
        pool.fit(Duration::ZERO);
        assert_eq!(pool.turns.available_permits(), 16);
    }
}
