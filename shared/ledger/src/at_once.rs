//! Work side by side, in bounded memory.

use std::future::Future;

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};

/// Does `work` on each item, on at most `limit` items at once (at least one). Yields the results in the order in which
/// they end; dropping the stream ends the work under way.
///
/// A future is made when its turn comes. The future of a request to LigueLead is large: one for each of 20,000 waiting
/// messages, made beforehand, took 500 MB.
pub fn at_once<'a, T, I, F>(limit: usize, items: I, work: impl FnMut(T) -> F + Send + 'a) -> BoxStream<'a, F::Output>
where
    I: IntoIterator<Item = T, IntoIter: Send + 'a>,
    F: Future<Output: Send> + Send + 'a,
    T: 'a,
{
    // In a box: as an opaque type it keeps callers from being `Send`.
    stream::iter(items).map(work).buffer_unordered(limit.max(1)).boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_futures_exist_than_may_run() {
        let (made, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |number: usize| {
            let now = made.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            let made = &made;
            async move {
                tokio::task::yield_now().await;
                made.fetch_sub(1, Ordering::SeqCst);
                number
            }
        };
        let mut done: Vec<usize> = at_once(3, 0..100, work).collect().await;
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(at_once(0, [7], async |one| one).collect::<Vec<_>>().await, [7], "one at least");
    }
}
