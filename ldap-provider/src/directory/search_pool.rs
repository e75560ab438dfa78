use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire_guard::PipeEnd;

use super::shared_connection::SharedConnection;
use crate::lock::lock;
use crate::per_lane::PerLane;

/// How many connections for searching there are to one server, one for each lane if the provider has several. Searches from
/// all logins share them: a server reads many of them at once that way, so that one connection is faster than several.
const MOST_CONNECTIONS: usize = 2;

/// How many searches may be under way on one connection. slapd closes it at 100 (`conn_max_pending`), or at 1,000 if it
/// is bound.
const MOST_SEARCHES: usize = 64;

/// With so many under way on each connection that a lane has, or on another lane's if it has none, another one is opened: on
/// one connection, the answers to many searches wait for each other in the server (measured with slapd: 6 % more logins).
const BUSY: usize = 4;

/// After so long a connection is given up: servers and firewalls have their own idea of how long is long enough, and
/// the directory's addresses may have changed meanwhile.
const LONGEST_LIFE: Duration = Duration::from_mins(15);

/// After so long without a search a connection is closed.
pub(crate) const LONGEST_IDLENESS: Duration = Duration::from_mins(1);

/// A connection that was silent for so long may be dead without knowing it.
pub(crate) const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// After so long another connection is tried again that was refused while there was one.
const ALONE_FOR: Duration = Duration::from_secs(10);

/// The connections for searching to one server.
#[derive(Debug, Default)]
pub(crate) struct SearchPool {
    pools: PerLane<Mutex<Pool>>,
    /// How the last connection ended of those that ended before a search found them, since one was added.
    ended: Mutex<Option<PipeEnd>>,
}

/// Those of one lane.
#[derive(Debug, Default)]
struct Pool {
    connections: Vec<Pooled>,
    /// Until when the server is known not to want another connection beside those that there are.
    alone_until: Option<Instant>,
}

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
    /// What there is, and whether another connection would help: first in the caller's lane, then in others.
    pub(crate) fn offer(&self, now: Instant) -> (Offer, bool) {
        let mut has_room = false;
        let mut is_alone = false;
        let mut queue = None;
        for (index, pool) in self.pools.all().enumerate() {
            let mut pool = lock(pool);
            self.forget_ended(&mut pool, now);
            if index == 0 {
                has_room = pool.connections.len() < self.most();
                is_alone = pool.alone_until.is_some_and(|until| now < until);
            }
            let least_busy = pool.connections.iter().max_by_key(|pooled| pooled.places.available_permits());
            if let Some(pooled) = least_busy
                && let Ok(permit) = Arc::clone(&pooled.places).try_acquire_owned()
            {
                let is_busy = pooled.places.available_permits() + BUSY <= MOST_SEARCHES;
                let place = Place { connection: pooled.connection.clone(), _permit: permit };
                return (Offer::Place(place), has_room && !is_alone && is_busy);
            }
            // By turns, so that the queues are of one length.
            if pool.connections.len() > 1 {
                pool.connections.rotate_left(1);
            }
            if queue.is_none()
                && let Some(pooled) = pool.connections.first()
            {
                queue = Some(Queue { connection: pooled.connection.clone(), places: Arc::clone(&pooled.places) });
            }
        }
        match queue {
            Some(queue) => (Offer::Queue(queue), has_room && !is_alone),
            None => (Offer::Nothing, has_room),
        }
    }

    fn forget_ended(&self, pool: &mut Pool, now: Instant) {
        if let Some(end) = pool.connections.iter().find_map(|pooled| pooled.connection.end()) {
            let mut ended = lock(&self.ended);
            // What breaks the rules says more than an end.
            if !matches!(*ended, Some(PipeEnd::Violation(_))) {
                *ended = Some(end.clone());
            }
        }
        pool.connections.retain(|pooled| pooled.connection.end().is_none() && now < pooled.expires);
    }

    /// How many there may be in each lane.
    fn most(&self) -> usize {
        (MOST_CONNECTIONS / self.pools.count()).max(1)
    }

    /// Adds a connection.
    pub(crate) fn add(&self, connection: SharedConnection) {
        let expires = expiry(connection.opened());
        *lock(&self.ended) = None;
        let mut pool = lock(self.pools.here());
        pool.connections.push(Pooled { connection, places: Arc::new(Semaphore::new(MOST_SEARCHES)), expires });
        // One more than there are to be in a lane takes the place of another, and whoever wanted it to may be gone.
        if pool.connections.len() > self.most() + 1 {
            pool.connections.remove(0).places.close();
        }
    }

    /// Takes a connection out, and those that have been idle too long to be trusted: what it died of they may have died
    /// of too. Searches under way on them go on, those that wait for a place do not.
    pub(crate) fn remove(&self, connection: &SharedConnection, now: Instant) {
        self.take_out_if(|other| other.is_same(connection) || other.silent_for(now) >= TRUSTED_FOR);
    }

    /// Whether the server answers on another connection: it has since then, or just before.
    pub(crate) fn answers_beside(&self, connection: &SharedConnection, since: Instant, now: Instant) -> bool {
        let answered_just_now = |when| now.saturating_duration_since(when) < TRUSTED_FOR;
        self.is_any(|other| {
            let answers = other.has_answered_since(since) || other.answered().is_some_and(answered_just_now);
            !other.is_same(connection) && answers
        })
    }

    /// Takes this connection out, and leaves all others.
    pub(crate) fn take_out(&self, connection: &SharedConnection) {
        self.take_out_if(|other| other.is_same(connection));
    }

    fn take_out_if(&self, goes: impl Fn(&SharedConnection) -> bool) {
        for pool in self.pools.all() {
            for pooled in lock(pool).connections.extract_if(.., |pooled| goes(&pooled.connection)) {
                pooled.places.close();
            }
        }
    }

    /// Takes all connections out. Searches under way on them go on; who waits for a place looks for another connection.
    pub(crate) fn give_up_all(&self) {
        self.take_out_if(|_| true);
    }

    /// Closes what is idle, expired or ended.
    pub(crate) fn sweep(&self, now: Instant) {
        for pool in self.pools.all() {
            lock(pool).connections.retain(|pooled| {
                let is_idle = pooled.places.available_permits() == MOST_SEARCHES
                    && pooled.connection.silent_for(now) >= LONGEST_IDLENESS;
                pooled.connection.end().is_none() && now < pooled.expires && !is_idle
            });
        }
    }

    /// Whether the connection that was added last has ended because the server said what nobody may say.
    pub(crate) fn violation(&self) -> Option<PipeEnd> {
        lock(&self.ended).clone().filter(|end| matches!(end, PipeEnd::Violation(_)))
    }

    /// Whether there are as many as there may be in the caller's lane.
    pub(crate) fn is_full(&self) -> bool {
        let pool = lock(self.pools.here());
        pool.connections.iter().filter(|pooled| pooled.connection.end().is_none()).count() >= self.most()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_any(|_| true)
    }

    /// The address that the connections lead to, if there are any.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        let connection = self.pools.all().find_map(|pool| {
            let pool = lock(pool);
            let mut present = pool.connections.iter().map(|pooled| &pooled.connection);
            present.find(|connection| connection.end().is_none()).cloned()
        });
        connection?.peer()
    }

    /// Takes note that another connection could not be had; whether there is one that has not ended.
    pub(crate) fn makes_do(&self, now: Instant) -> bool {
        let has_one = !self.is_empty();
        lock(self.pools.here()).alone_until = has_one.then(|| now + ALONE_FOR);
        has_one
    }

    /// Whether there is such a one that has not ended.
    fn is_any(&self, such: impl Fn(&SharedConnection) -> bool) -> bool {
        self.pools.all().any(|pool| {
            let pool = lock(pool);
            pool.connections.iter().any(|pooled| pooled.connection.end().is_none() && such(&pooled.connection))
        })
    }
}

/// When a connection that was opened then is to be closed: its life is up to a fifth shorter than the longest, so that
/// many that were opened together do not end together.
pub(crate) fn expiry(opened: Instant) -> Instant {
    opened + LONGEST_LIFE.mul_f64(1.0 - 0.2 * fastrand::f64())
}

impl Queue {
    /// Waits for a place, in the order in which everybody came; `None` if the connection was given up meanwhile.
    pub(crate) async fn place(self) -> Option<Place> {
        let permit = self.places.acquire_owned().await.ok()?;
        // It may have ended while it was waited for.
        if self.connection.end().is_some() {
            return None;
        }
        Some(Place { connection: self.connection, _permit: permit })
    }
}

impl Place {
    /// How long the server has been silent on this connection.
    pub(crate) fn silent_for(&self) -> Duration {
        self.connection.silent_for(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use provider_api::author::Lane;
    use tokio::net::TcpListener;

    use super::super::open_connection::connected_to;
    use super::{BUSY, MOST_SEARCHES, Offer, Place, SearchPool, SharedConnection};

    const LANES: [Lane; 2] = [Lane::new(0, 2), Lane::new(1, 2)];

    async fn connection(listener: &TcpListener) -> SharedConnection {
        let (connection, open) = connected_to(listener).await;
        SharedConnection::over(connection, open)
    }

    /// The place that this lane is offered, and whether another connection would help.
    fn place(pool: &SearchPool, lane: Lane) -> (Place, bool) {
        let (offer, another_helps) = lane.during(|| pool.offer(Instant::now()));
        let Offer::Place(place) = offer else { panic!("no place") };
        (place, another_helps)
    }

    #[test]
    fn a_pool_whose_last_connection_has_gone_offers_nothing_and_wants_another() {
        let (pool, now) = (SearchPool::default(), Instant::now());
        // As if there had been one a moment ago beside which another was refused.
        super::lock(pool.pools.here()).alone_until = Some(now + Duration::from_secs(10));
        let (offer, another_helps) = pool.offer(now);
        assert!(matches!(offer, Offer::Nothing));
        assert!(another_helps);
    }

    #[tokio::test]
    async fn a_lane_without_a_connection_searches_on_the_others_until_that_is_busy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = LANES[0].during(SearchPool::default);
        let (firsts, seconds) = (connection(&listener).await, connection(&listener).await);
        LANES[0].during(|| pool.add(firsts.clone()));
        let mut places = Vec::new();
        for number in 1..=BUSY {
            let (place, another_helps) = place(&pool, LANES[1]);
            assert!(place.connection.is_same(&firsts));
            assert_eq!(another_helps, number == BUSY, "{number}");
            places.push(place);
        }
        LANES[1].during(|| pool.add(seconds.clone()));
        for (lane, own) in LANES.into_iter().zip([&firsts, &seconds]) {
            let (place, another_helps) = place(&pool, lane);
            assert!(place.connection.is_same(own), "{lane:?}");
            assert!(!another_helps, "one for each lane is enough");
        }
    }

    #[tokio::test]
    async fn a_lane_whose_connection_is_full_or_gone_uses_the_others() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = LANES[0].during(SearchPool::default);
        let (firsts, seconds) = (connection(&listener).await, connection(&listener).await);
        for (lane, connection) in LANES.into_iter().zip([&firsts, &seconds]) {
            lane.during(|| pool.add(connection.clone()));
        }
        let mut places: Vec<_> = (0..MOST_SEARCHES).map(|_| place(&pool, LANES[0]).0).collect();
        assert!(places.iter().all(|place| place.connection.is_same(&firsts)));
        assert!(place(&pool, LANES[0]).0.connection.is_same(&seconds), "it has room");
        places.extend((0..MOST_SEARCHES).map(|_| place(&pool, LANES[1]).0));
        for (lane, own) in LANES.into_iter().zip([&firsts, &seconds]) {
            let (offer, another_helps) = lane.during(|| pool.offer(Instant::now()));
            let Offer::Queue(queue) = offer else { panic!("a place beyond all there are") };
            assert!(queue.connection.is_same(own), "{lane:?} waits for a place on another's");
            assert!(!another_helps);
        }
        places.clear();
        // Whoever notices it, in whatever lane.
        LANES[1].during(|| pool.take_out(&firsts));
        let (place, another_helps) = place(&pool, LANES[0]);
        assert!(place.connection.is_same(&seconds) && !another_helps);
        drop(place);
        LANES[0].during(|| pool.give_up_all());
        assert!(LANES.into_iter().all(|lane| matches!(lane.during(|| pool.offer(Instant::now())).0, Offer::Nothing)));
    }
}
