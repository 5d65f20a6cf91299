//! Work side by side, in bounded memory.

use std::future::Future;

use futures::{StreamExt as _, stream::FuturesUnordered};

/// Does `work` on each item, on at most `limit` items at once (at least one). Returns the results in the order in which
/// they end.
///
/// A future is made when its turn comes. The future of a request to LigueLead is large: one for each of 20,000 waiting
/// messages, made beforehand, took 500 MB.
pub async fn at_once<T, F: Future>(
    limit: usize,
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> F,
) -> Vec<F::Output> {
    let mut items = items.into_iter();
    let mut running: FuturesUnordered<F> = items.by_ref().take(limit.max(1)).map(&work).collect();
    let mut done = Vec::new();
    while let Some(one) = running.next().await {
        done.push(one);
        running.extend(items.next().map(&work));
    }
    done
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
        let mut done = at_once(3, 0..100, work).await;
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(at_once(0, [7], async |one| one).await, [7], "one at least");
    }
}
