//! Collects what concurrent tasks ask of the table into shared requests.
//!
//! A task hands in its part and yields once. Then it makes one request for all parts that came together meanwhile. A
//! task alone waits for nobody; under load more tasks share a request.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// One task's part, and the channel for its answer.
type Part<T, R> = (T, oneshot::Sender<R>);

/// The parts that wait for a request. Clones share them.
#[derive(Debug)]
pub(crate) struct Gather<T, R>(Arc<Mutex<Vec<Part<T, R>>>>);

impl<T, R> Clone for Gather<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, R> Default for Gather<T, R> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T, R> Gather<T, R> {
    /// Hands in a part. `ask` gets all parts that came together, and answers each in their order. `ask` is not called
    /// if another task has taken this part already. `None`: that task gave up, and the outcome of this part is unknown.
    pub(crate) async fn with(&self, part: T, ask: impl AsyncFnOnce(Vec<T>) -> Vec<R>) -> Option<R> {
        let (tell, told) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part, tell));
        tokio::task::yield_now().await;
        let together = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !together.is_empty() {
            let (parts, askers): (Vec<T>, Vec<_>) = together.into_iter().unzip();
            for (asker, answer) in askers.into_iter().zip(ask(parts).await) {
                // A task that has given up does not receive its answer.
                let _ = asker.send(answer);
            }
        }
        told.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn askers_side_by_side_share_and_each_hears_its_own_answer() {
        let (gather, asked) = (Gather::<u32, u32>::default(), AtomicUsize::new(0));
        let double = |number| {
            gather.with(number, async |numbers| {
                asked.fetch_add(1, Ordering::Relaxed);
                numbers.into_iter().map(|number| number * 2).collect()
            })
        };
        let answers = join_all((0..100).map(double)).await;
        assert_eq!(answers, (0..100).map(|number| Some(number * 2)).collect::<Vec<_>>());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(double(7).await, Some(14), "alone it is asked for alone");
    }

    #[tokio::test]
    async fn who_shares_with_an_asker_that_gave_up_is_told_so() {
        let gather = Gather::<u32, u32>::default();
        let mut leader = Box::pin(gather.with(1, async |_| std::future::pending().await));
        let mut follower = Box::pin(gather.with(2, async |_| panic!("the first one asks for both")));
        for _ in 0..3 {
            assert!(futures::poll!(leader.as_mut()).is_pending());
            assert!(futures::poll!(follower.as_mut()).is_pending());
        }
        drop(leader);
        assert_eq!(follower.await, None);
    }
}
