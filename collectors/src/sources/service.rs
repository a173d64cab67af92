//! What sources share that are asked over a network.

use super::{Root, SourceError, files};
use crate::remote::{Client, Limits, RealPace, RemoteError};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// No service is asked more at once.
pub(super) const MOST_AT_ONCE: usize = 64;

/// A source that holds more names is refused rather than read.
pub(super) const MOST_NAMES: usize = 100_000;

/// A client that trusts the authorities of this file, or those of this machine.
pub(crate) fn client(root: &Root, authorities: Option<&str>, plain_http: bool) -> Result<Client, SourceError> {
    let authorities = authorities.map(|file| files::bytes(root, file)).transpose()?;
    let authorities = authorities.map(|pem| pem.to_vec());
    let limits = Limits { authorities, plain_http, ..Limits::default() };
    // Waits of several processes must not fall together; nothing else depends on the number.
    let seed = u64::from(std::process::id());
    Client::new(limits, Arc::new(RealPace::new()), seed).map_err(|error| refused("the client", &error))
}

/// What a service did not give, for `what`.
pub(crate) fn refused(what: &str, error: &RemoteError) -> SourceError {
    SourceError::refused(what, error.code(), error.to_string())
}

/// Does the same with each of many, several at a time, and answers in their order. The first that fails ends it.
pub(crate) fn each<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    work: &(dyn Fn(&T) -> Result<R, SourceError> + Sync),
) -> Result<Vec<R>, SourceError> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            let result = work(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, MOST_AT_ONCE).min(items.len()) {
            scope.spawn(worker);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_done_in_their_order_and_never_too_many_at_once() {
        let items: Vec<usize> = (0..500).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let doubled = each(&items, 5, &|item| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(item * 2)
        });
        assert_eq!(doubled.expect("done"), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(most.into_inner() <= 5);
        assert_eq!(each(&[] as &[usize], 5, &|item| Ok(*item)), Ok(Vec::new()));
    }

    #[test]
    fn the_first_failure_ends_it() {
        let items: Vec<usize> = (0..10_000).collect();
        let begun = AtomicUsize::new(0);
        let result = each(&items, 4, &|item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(SourceError::refused("it", "denied", "no")) } else { Ok(()) }
        });
        assert_eq!(result.expect_err("failed").code(), "denied");
        assert!(begun.into_inner() < 10_000);
    }
}
