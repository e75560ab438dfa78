//! The memory of a call's work, which the next call takes over.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_util::sync::ReusableBoxFuture;

use crate::{Decision, Fault};

type Work = ReusableBoxFuture<'static, Result<Decision, Fault>>;

/// How much of it a thread keeps: for so many calls that are under way together.
const KEPT: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
}

/// The work of a login in memory of its own, since what is wrapped around a future is as large as that, several times as
/// large, and is moved.
///
/// The memory is kept for the next login on this thread: it is a few KiB, which the system's allocator finds by tidying up
/// all that lies free.
pub(super) struct Boxed(Option<Work>);

impl Boxed {
    pub(super) fn new(work: impl Future<Output = Result<Decision, Fault>> + Send + 'static) -> Self {
        let Some(mut free) = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten() else {
            return Self(Some(Work::new(work)));
        };
        free.set(work);
        Self(Some(free))
    }
}

impl Future for Boxed {
    type Output = Result<Decision, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else {
            return Poll::Ready(Err(Fault::internal("a login was asked for its answer twice")));
        };
        let answer = ready!(work.poll(context));
        // What is given up, or panics, is not kept.
        if let Some(over) = self.0.take() {
            let _ = FREE.try_with(|free| {
                let mut free = free.borrow_mut();
                if free.len() < KEPT {
                    free.push(over);
                }
            });
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::AssertUnwindSafe;
    use std::time::Duration;

    use super::{Boxed, FREE, KEPT};
    use crate::Fault;

    fn kept() -> usize {
        FREE.with_borrow(Vec::len)
    }

    async fn answer(number: u8) -> String {
        let work = async move { Err(Fault::internal(number.to_string())) };
        Boxed::new(work).await.expect_err("that is the answer").message().to_owned()
    }

    #[tokio::test]
    async fn what_has_been_answered_leaves_its_memory_to_the_next() {
        for number in 0..3 {
            assert_eq!(answer(number).await, number.to_string());
            assert_eq!(kept(), 1);
        }
        // While one is under way, the next has memory of its own.
        let first = Boxed::new(pending());
        assert_eq!(kept(), 0);
        assert_eq!(answer(7).await, "7");
        assert_eq!(kept(), 1);
        drop(first);
        assert_eq!(kept(), 1, "what was given up is not kept");
    }

    #[tokio::test]
    async fn a_crowd_does_not_leave_more_than_a_thread_keeps() {
        let wait = || async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Err(Fault::internal("over"))
        };
        let mut crowd: Vec<_> = (0..KEPT + 10).map(|_| Boxed::new(wait())).collect();
        for one in &mut crowd {
            one.await.expect_err("that is the answer");
        }
        assert_eq!(kept(), KEPT);
    }

    #[test]
    fn what_panics_is_not_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut one = Boxed::new(async { panic!("a bug") });
        std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(&mut one))).expect_err("a panic");
        drop(one);
        assert_eq!(kept(), 0);
        assert_eq!(runtime.block_on(answer(1)), "1");
    }
}
