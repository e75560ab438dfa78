use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use provider_api::Deadline;
use provider_api::author::Lane;
use tokio::net::TcpListener;

use super::super::open_connection::connected_to;
use super::super::turns::Turn;
use super::{BindPool, Idle, LONGEST_IDLENESS, lock, size_for};

#[test]
fn the_farther_the_server_the_more_connections() {
    for (millis, size) in [(0, 16), (1, 16), (2, 18), (10, 34), (25, 64), (10_000, 64)] {
        assert_eq!(size_for(Duration::from_millis(millis)), size, "{millis} ms");
    }
}

/// A pool with so many idle connections.
async fn with_idle(count: usize) -> (BindPool, TcpListener) {
    let pool = BindPool::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..count {
        pool.give_back(opened(&pool, &listener, Lane::here()).await);
    }
    (pool, listener)
}

#[tokio::test]
async fn what_has_ended_is_swept_and_is_no_connection_to_somebody_who_needs_one() {
    let (pool, listener) = with_idle(3).await;
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(listener.accept().await.unwrap().0);
    }
    assert!(pool.sweep(Instant::now()), "all are as they were");
    assert_eq!(idle(&pool, Lane::here()), 3);
    assert!(pool.begin_warming().is_none());
    lock(pool.idle.here())[1].used -= LONGEST_IDLENESS;
    drop(servers.pop());
    until(|| pool.sweep(Instant::now()) && idle(&pool, Lane::here()) == 1).await;
    assert!(pool.begin_warming().is_none(), "one is left");
    drop(servers);
    until(|| pool.begin_warming().is_some()).await;
    assert_eq!((idle(&pool, Lane::here()), pool.members().len()), (0, 0));
}

/// Tries until it is so: the runtime has to hear of what the other end does.
async fn until(mut is_so: impl FnMut() -> bool) {
    let tried = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tried).await.expect("it comes to be so");
}

/// How many of that lane are idle.
fn idle(pool: &BindPool, lane: Lane) -> usize {
    lock(pool.idle.of(lane)).len()
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
    pool.turns.size() - pool.turns.taken()
}

const FIRST: Lane = Lane::new(0, 2);
const OTHER: Lane = Lane::new(1, 2);

/// A pool of two lanes, to a listener that takes every connection.
async fn of_two_lanes() -> (BindPool, TcpListener) {
    (FIRST.during(BindPool::new), TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// A connection that was just opened in that lane.
async fn opened(pool: &BindPool, listener: &TcpListener, lane: Lane) -> Idle {
    let (connection, open) = connected_to(listener).await;
    lane.during(|| pool.join(connection, open))
}

fn turn(pool: &BindPool, lane: Lane) -> Turn {
    lane.during(|| pool.turns.try_one()).expect("a turn that is free")
}

#[tokio::test]
async fn each_lane_has_half_of_the_turns_and_connections_of_its_own() {
    let (pool, listener) = of_two_lanes().await;
    let peer = Some(listener.local_addr().unwrap());
    let turns: Vec<_> = (0..8).map(|_| turn(&pool, FIRST)).collect();
    assert!(FIRST.during(|| pool.is_exhausted()) && !OTHER.during(|| pool.is_exhausted()));
    assert_eq!(free(&pool), 8);
    drop(turns);

    pool.give_back(opened(&pool, &listener, FIRST).await);
    let now = Instant::now();
    assert!(OTHER.during(|| pool.take(peer, now)).is_none(), "it may open one");
    assert_eq!((idle(&pool, FIRST), idle(&pool, OTHER)), (1, 0));
    assert!(FIRST.during(|| pool.take(peer, now)).is_some());
}

#[tokio::test]
async fn where_no_more_can_be_had_a_lane_is_lent_what_another_has() {
    let (pool, listener) = of_two_lanes().await;
    let (peer, now) = (Some(listener.local_addr().unwrap()), Instant::now());
    let only = opened(&pool, &listener, FIRST).await;
    // It is in use, and two wait for it, one of whom gives up.
    drop(OTHER.during(|| pool.need(peer, now)));
    let mut needed = OTHER.during(|| pool.need(peer, now));
    FIRST.during(|| pool.give_back(only));
    let lent = needed.given().await.expect("it was given back");
    assert_eq!(pool.in_need.load(Ordering::SeqCst), 0);
    drop(needed);

    // Given back from the other lane it is the first's again; as long as no more can be had, either may have it at once.
    OTHER.during(|| pool.give_back(lent));
    assert_eq!((idle(&pool, FIRST), idle(&pool, OTHER)), (1, 0));
    pool.note_one_more(false, now);
    let lent = OTHER.during(|| pool.take(peer, now)).expect("that of the first lane");
    OTHER.during(|| pool.give_back(lent));
    pool.note_one_more(true, now);
    assert!(OTHER.during(|| pool.take(peer, now)).is_none());

    // A need whose connection comes too late leaves it to the next.
    let needed = OTHER.during(|| pool.need(peer, now));
    assert_eq!(idle(&pool, FIRST), 0);
    drop(needed);
    assert_eq!(idle(&pool, FIRST), 1);
}

#[tokio::test]
async fn what_was_lent_makes_no_more_connections_than_there_may_be() {
    let (pool, listener) = of_two_lanes().await;
    let (peer, now) = (Some(listener.local_addr().unwrap()), Instant::now());
    // After a shortage one lane may have come to have all that there may be.
    for _ in 0..16 {
        pool.give_back(opened(&pool, &listener, FIRST).await);
    }
    let turn = turn(&pool, OTHER);
    let lent = OTHER.during(|| pool.take(peer, now)).expect("one more would be too many");
    assert_eq!(idle(&pool, FIRST), 15);
    OTHER.during(|| pool.give_back(lent));
    // To another address one is opened, and another makes room for it.
    let elsewhere = Some("127.0.0.2:389".parse().unwrap());
    assert!(OTHER.during(|| pool.take(elsewhere, now)).is_none());
    assert_eq!(idle(&pool, FIRST), 15);
    drop(turn);
}

#[tokio::test]
async fn who_waits_in_either_lane_is_waked() {
    let (pool, _listener) = of_two_lanes().await;
    let pool = Arc::new(pool);
    let held: Vec<_> = [FIRST, OTHER].into_iter().flat_map(|lane| [(); 8].map(|()| turn(&pool, lane))).collect();
    let mut waiting = Vec::new();
    for lane in [FIRST, OTHER] {
        let mut wait = Box::pin(lane.during(|| pool.turn()));
        // The lane is that of the thread which waits first.
        let polled = lane.during(|| std::future::Future::poll(wait.as_mut(), &mut Context::from_waker(Waker::noop())));
        assert!(polled.is_pending());
        waiting.push(wait);
    }
    pool.wake_who_waits();
    for wait in waiting {
        let turn = tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is waked");
        drop(turn.expect("a turn"));
    }
    // Those that were lent for it are withdrawn.
    while (pool.turns.size(), pool.turns.taken()) != (16, 16)
        || [FIRST, OTHER].iter().any(|lane| lane.during(|| pool.turns.try_one()).is_some())
    {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(free(&pool), 16);
}
