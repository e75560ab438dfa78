use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::Deadline;
use provider_api::author::Lane;
use tokio::net::{TcpListener, TcpStream};
use wire_guard::{Connection, Limits, Security};

use super::super::open_connection::OpenConnection;
use super::{BindPool, lock, size_for};

#[test]
fn the_farther_the_server_the_more_connections() {
    for (millis, size) in [(0, 16), (1, 16), (2, 18), (10, 34), (25, 64), (10_000, 64)] {
        assert_eq!(size_for(Duration::from_millis(millis)), size, "{millis} ms");
    }
}

/// A pool with so many idle connections.
async fn with_idle(count: usize) -> (BindPool, TcpListener) {
    let (pool, metrics) = (BindPool::new(), Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..count {
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let soon = Instant::now() + Duration::from_secs(20);
        let connection = Connection::secure(tcp, &Security::Plain, Limits::LOGIN, soon).await.unwrap();
        pool.give_back(pool.join(connection, OpenConnection::count(&metrics)));
    }
    (pool, listener)
}

#[tokio::test]
async fn while_one_is_looked_after_the_others_are_there_for_logins() {
    let (pool, listener) = with_idle(3).await;
    let peer = listener.local_addr().ok();
    let used: Vec<_> = lock(pool.idle.here()).iter().map(|idle| idle.used).collect();
    for position in (0..pool.idle(Lane::here())).rev() {
        let looked_after = pool.take_at(Lane::here(), position).unwrap();
        let of_a_login = pool.take(peer, Instant::now()).expect("two are left");
        assert_eq!(free(&pool), 15);
        pool.give_back(of_a_login);
        pool.put_back(position, looked_after);
    }
    assert_eq!(lock(pool.idle.here()).iter().map(|idle| idle.used).collect::<Vec<_>>(), used, "in the order of before");
    assert_eq!(free(&pool), 16);
    assert!(pool.take_at(Lane::here(), 3).is_none());
    assert_eq!(free(&pool), 16);
}

#[tokio::test]
async fn a_connection_that_is_not_taken_by_who_asked_for_it_goes_to_the_next() {
    let (pool, listener) = with_idle(1).await;
    let (peer, now) = (listener.local_addr().ok(), Instant::now());
    let of_a_login = pool.take(peer, now).unwrap();
    let (first, mut second) = (pool.need(peer, now), pool.need(peer, now));
    pool.give_back(of_a_login);
    drop(first);
    let soon = Duration::from_secs(20);
    assert!(tokio::time::timeout(soon, second.given()).await.expect("it is handed on").is_some());
    drop(second);
    assert!(pool.take(peer, now).is_none(), "it was taken");
}

#[tokio::test]
async fn a_connection_that_goes_from_hand_to_hand_ends_with_its_time_all_the_same() {
    let (pool, listener) = with_idle(1).await;
    let (peer, now) = (listener.local_addr().ok(), Instant::now());
    let mut of_a_login = pool.take(peer, now).unwrap();
    let mut needed = pool.need(peer, now);
    (of_a_login.expires, of_a_login.used) = (now, now);
    pool.give_back(of_a_login);
    assert!(tokio::time::timeout(Duration::from_millis(50), needed.given()).await.is_err());
    assert!(!pool.has_any_to(peer));
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
    assert_eq!(free(&pool), 18);
    pool.fit(Duration::ZERO);
    assert_eq!(free(&pool), 0);
    turns.clear();
    pool.fit(Duration::ZERO);
    assert_eq!(free(&pool), 16);
}

fn free(pool: &BindPool) -> usize {
    let (size, taken) = pool.turns.size_and_taken();
    size - taken
}
