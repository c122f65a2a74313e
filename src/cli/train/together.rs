//! Whole runs side by side, each on its own share of the threads.

use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Does every job and returns the results in the jobs' order.
///
/// As many run at once as there are threads to share out, so that the part of a run that takes one thread leaves none
/// idle, but no more than `most`. A job must not depend on the number of threads it gets.
///
/// # Errors
/// Threads cannot be started.
pub(super) fn together<T: Send, R: Send>(
    jobs: Vec<T>,
    most: usize,
    run: impl Fn(T) -> R + Sync,
) -> anyhow::Result<Vec<R>> {
    let (count, threads) = (jobs.len(), rayon::current_num_threads());
    let lanes = count.min(threads).min(most);
    let pool = |lane: usize| {
        let share = threads / lanes + usize::from(lane < threads % lanes);
        ThreadPoolBuilder::new().num_threads(share).build().context("cannot start threads")
    };
    let pools: Vec<ThreadPool> = (0..lanes).map(pool).collect::<Result<_, _>>()?;
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let results = Mutex::new(Vec::with_capacity(count));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let result = pool.install(|| run(job));
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_their_jobs() {
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let jobs: Vec<u64> = (0..10).collect();
        let squares = pool.install(|| together(jobs, usize::MAX, |n| n * n)).unwrap();
        assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
        assert!(together(Vec::<u8>::new(), usize::MAX, |n| n).unwrap().is_empty());
    }

    #[test]
    fn the_threads_are_shared_out_among_the_jobs() {
        let pool = ThreadPoolBuilder::new().num_threads(5).build().unwrap();
        let shares = |most| pool.install(|| together(vec![(), ()], most, |()| rayon::current_num_threads())).unwrap();
        assert!(shares(2).iter().all(|&share| share == 2 || share == 3));
        assert_eq!(shares(1), [5, 5]);
    }
}
