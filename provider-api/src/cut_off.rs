//! The end of waiting: for all who wait, at once and for good.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use tokio::sync::Notify;

/// Whether work is still waited for.
///
/// A `CancellationToken` does the same, and locks what all callers share at each poll of each; a login is polled five
/// times on its way, of which only the first locks here.
#[derive(Debug, Default)]
pub(crate) struct CutOff {
    is_cut: AtomicBool,
    waiting: Notify,
}

impl CutOff {
    /// Ends all waiting, now and later.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.waiting.notify_waiters();
    }

    /// Whether it has ended.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    /// Works until it is cut off: then, `None`, and what is done in the same moment does not count.
    ///
    /// The work is pinned by the caller: a future that takes another and pins it has room for it twice.
    pub(crate) async fn unless_cut<F: Future>(&self, mut work: Pin<&mut F>) -> Option<F::Output> {
        let mut told = pin!(self.waiting.notified());
        let mut woken: Option<Waker> = None;
        let output = poll_fn(|context| {
            // Whoever is waked has to be told anew if the task is another; most are the same from beginning to end.
            if !woken.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                if told.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                woken = Some(context.waker().clone());
            }
            // After the registration: what is cut in between is seen here or there.
            if self.is_cut() { Poll::Ready(None) } else { work.as_mut().poll(context).map(Some) }
        })
        .await;
        output.filter(|_| !self.is_cut())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use super::CutOff;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_who_wait_and_who_come_later_are_cut_off() {
        for _ in 0..200 {
            let cut_off = Arc::new(CutOff::default());
            let waiting: Vec<_> = (0..8)
                .map(|_| {
                    let cut_off = Arc::clone(&cut_off);
                    tokio::spawn(async move { cut_off.unless_cut(pin!(pending::<()>())).await })
                })
                .collect();
            // Some of them have not begun yet.
            cut_off.cut();
            for call in waiting {
                let ended = tokio::time::timeout(Duration::from_secs(20), call).await;
                assert_eq!(ended.expect("it was cut off").expect("no panic"), None);
            }
            assert_eq!(cut_off.unless_cut(pin!(async { 1 })).await, None, "for good");
        }
    }

    #[tokio::test]
    async fn what_is_done_in_the_moment_of_the_cut_does_not_count() {
        let cut_off = CutOff::default();
        assert_eq!(cut_off.unless_cut(pin!(async { 1 })).await, Some(1));
        let late = pin!(async {
            cut_off.cut();
            2
        });
        assert_eq!(cut_off.unless_cut(late).await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_that_goes_on_in_another_task_is_cut_off_there() {
        let cut_off = Arc::new(CutOff::default());
        let mut call = Box::pin({
            let cut_off = Arc::clone(&cut_off);
            async move { cut_off.unless_cut(pin!(pending::<()>())).await }
        });
        // Polled once in this task.
        assert!(tokio::time::timeout(Duration::from_millis(10), &mut call).await.is_err());
        let elsewhere = tokio::spawn(call);
        tokio::time::sleep(Duration::from_millis(50)).await;
        cut_off.cut();
        let ended = tokio::time::timeout(Duration::from_secs(20), elsewhere).await;
        assert_eq!(ended.expect("it was cut off").expect("no panic"), None);
    }
}
