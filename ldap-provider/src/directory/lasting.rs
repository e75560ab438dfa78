use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work that goes on when whoever waits for it gives up: then it becomes a task of its own. As long as it is waited for it
/// is part of the waiting task, so that nothing has to be woken for it.
pub(crate) struct Lasting<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Lasting<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Lasting<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // As for every future, there is nothing left to wait for after the end.
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let ended = work.as_mut().poll(context);
        if ended.is_ready() {
            self.0 = None;
        }
        ended
    }
}

impl<T: Send + 'static> Drop for Lasting<T> {
    fn drop(&mut self) {
        // Without a runtime there is nobody to do it: the provider has ended. After a panic of its own it is not to be
        // touched again.
        if let Some(work) = self.0.take()
            && !std::thread::panicking()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::Lasting;

    #[tokio::test]
    async fn it_is_done_by_who_waits_and_ends_when_nobody_does() {
        assert_eq!(Lasting::new(async { 7 }).await, 7);
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut work = Lasting::new(async move {
            let _ = gone.await;
            let _ = done.send(7);
        });
        assert!(timeout(Duration::from_millis(10), &mut work).await.is_err());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(timeout(Duration::from_secs(20), ended).await.unwrap(), Ok(7));
    }

    #[test]
    fn without_a_runtime_it_just_ends() {
        drop(Lasting::new(async { unreachable!("nobody polls it") }));
    }
}
