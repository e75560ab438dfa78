use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shared_connection::SharedConnection;

/// How many connections for searching there are to one server. Searches from all logins share them: a server reads
/// many of them at once that way, so that one connection is faster than several.
const MOST_CONNECTIONS: usize = 2;

/// How many searches may be under way on one connection. slapd closes it at 100 (`conn_max_pending`), or at 1,000 if it
/// is bound.
const MOST_SEARCHES: usize = 64;

/// With so many under way on each connection, another one is opened: on one connection, the answers to many searches
/// wait for each other in the server (measured with slapd: 6 % more logins).
const BUSY: usize = 4;

/// After so long a connection is given up: servers and firewalls have their own idea of how long is long enough, and
/// the directory's addresses may have changed meanwhile.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_mins(15);

/// After so long without a search a connection is closed.
pub(crate) const LONGEST_IDLENESS: Duration = Duration::from_mins(1);

/// A connection that was silent for so long may be dead without knowing it.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The connections for searching to one server.
#[derive(Debug, Default)]
pub(crate) struct SearchPool(Mutex<Vec<Pooled>>);

#[derive(Clone, Debug)]
struct Pooled {
    connection: SharedConnection,
    places: Arc<Semaphore>,
    expires: Instant,
}

/// A place for one search on a connection.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) connection: SharedConnection,
    _permit: OwnedSemaphorePermit,
}

/// What the pool has to offer.
pub(crate) enum Offer {
    /// A place, now.
    Place(Place),
    /// All places are taken: a place on this connection, when it is free.
    Queue(Queue),
    /// There is no connection.
    Nothing,
}

pub(crate) struct Queue {
    connection: SharedConnection,
    places: Arc<Semaphore>,
}

impl SearchPool {
    /// What there is, and whether another connection would help.
    pub(crate) fn offer(&self, now: Instant) -> (Offer, bool) {
        let mut pool = self.lock();
        pool.retain(|pooled| pooled.connection.end().is_none() && now < pooled.expires);
        let has_room = pool.len() < MOST_CONNECTIONS;
        let least_busy = pool.iter().max_by_key(|pooled| pooled.places.available_permits());
        if let Some(pooled) = least_busy
            && let Ok(permit) = Arc::clone(&pooled.places).try_acquire_owned()
        {
            let another_helps = has_room && pooled.places.available_permits() + BUSY <= MOST_SEARCHES;
            return (Offer::Place(Place { connection: pooled.connection.clone(), _permit: permit }), another_helps);
        }
        // By turns, so that the queues are of one length.
        if !has_room {
            pool.rotate_left(1);
        }
        let offer = pool.first().map_or(Offer::Nothing, |pooled| {
            Offer::Queue(Queue { connection: pooled.connection.clone(), places: Arc::clone(&pooled.places) })
        });
        (offer, has_room)
    }

    /// Adds a connection that lives for about [`LONGEST_LIFE`]; `jitter`, from 0 to 1, makes it up to a fifth shorter.
    pub(crate) fn add(&self, connection: SharedConnection, jitter: f64) {
        let expires = connection.opened() + LONGEST_LIFE.mul_f64(1.0 - 0.2 * jitter.clamp(0.0, 1.0));
        self.lock().push(Pooled { connection, places: Arc::new(Semaphore::new(MOST_SEARCHES)), expires });
    }

    /// Takes a connection out, and those on which the server has been silent for longer. Searches under way on them go
    /// on, those that wait for a place do not.
    pub(crate) fn remove(&self, connection: &SharedConnection) {
        let answered = connection.answered();
        self.lock().retain(|pooled| {
            let is_silent =
                answered.is_some() && pooled.connection.answered().is_some_and(|other| Some(other) < answered);
            let remains = !pooled.connection.is_same(connection) && !is_silent;
            if !remains {
                pooled.places.close();
            }
            remains
        });
    }

    /// Closes what is idle, expired or ended.
    pub(crate) fn sweep(&self, now: Instant) {
        self.lock().retain(|pooled| {
            let last = pooled.connection.answered().unwrap_or_else(|| pooled.connection.opened());
            let is_idle =
                pooled.places.available_permits() == MOST_SEARCHES && now.duration_since(last) >= LONGEST_IDLENESS;
            pooled.connection.end().is_none() && now < pooled.expires && !is_idle
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pooled>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Waits for a place, in the order in which everybody came; `None` if the connection was given up meanwhile.
    pub(crate) async fn place(self) -> Option<Place> {
        let permit = self.places.acquire_owned().await.ok()?;
        Some(Place { connection: self.connection, _permit: permit })
    }
}

impl Place {
    /// How long the server has been silent on this connection; `None` if it has not answered yet.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        self.connection.answered().map(|answered| answered.elapsed())
    }
}
