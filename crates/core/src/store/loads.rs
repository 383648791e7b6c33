//! Loads that all threads of a store share.

use std::sync::Arc;

use super::{Boarding, Caller, Failure, Lifetime, Outcome, Store};
use crate::value::Value;

impl Store {
    /// A thread misses a value and could load it.
    pub fn board(self: &Arc<Self>, caller: Caller, key: &str, tags: &[String]) -> Option<Boarding> {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            if let Some(slot) = contents.find(key, now, caller.handle) {
                contents.access(slot, now);
                contents.answer(caller.handle, slot, None, now);
                let entry = contents.slab.at(slot)?;
                return Some(Boarding::Cached(Arc::clone(&entry.value)));
            }
            if let Some(flight) = contents.flights.find(key) {
                contents.flights.follow(flight, caller.handle);
                return Some(Boarding::Follow(flight));
            }
            let tags = contents.intern(tags);
            Some(Boarding::Lead(contents.flights.start(
                caller.handle,
                key,
                tags,
            )))
        })
    }

    /// A load has made a value, or found it unchanged: it is stored, unless something has overtaken the
    /// load, and goes to all threads that wait for it. Returns whether it was wanted.
    pub fn land(
        self: &Arc<Self>,
        caller: Caller,
        flight: u64,
        value: Value,
        weight: u64,
        lifetime: &Lifetime<'_>,
        is_new: bool,
    ) -> bool {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            let Some((flown, wanted)) = contents.flights.land(flight) else {
                return false;
            };
            let value = Arc::new(value);
            if wanted {
                let value = Arc::clone(&value);
                contents.store(
                    &flown.key,
                    (value, weight, lifetime),
                    now,
                    caller.handle,
                    is_new,
                );
            }
            for follower in flown.followers {
                contents.land(follower, flight, Outcome::Value(Arc::clone(&value)));
            }
            wanted
        })
    }

    /// A load has failed: so it has for all threads that wait for it.
    pub fn crash(self: &Arc<Self>, caller: Caller, flight: u64, failure: Failure) {
        self.with(caller, |contents, _| {
            let Some((flown, _)) = contents.flights.land(flight) else {
                return;
            };
            let failure = Arc::new(failure);
            for follower in flown.followers {
                contents.land(follower, flight, Outcome::Failure(Arc::clone(&failure)));
            }
        });
    }

    /// The loader has told the tags of its value.
    pub fn retag(self: &Arc<Self>, caller: Caller, flight: u64, tags: &[String]) {
        self.with(caller, |contents, _| {
            let tags = contents.intern(tags);
            contents.flights.retag(flight, tags);
        });
    }

    /// Whether a load that begins now may join this one.
    pub fn is_attached(self: &Arc<Self>, caller: Caller, flight: u64) -> bool {
        self.with(caller, |contents, _| contents.flights.is_attached(flight))
    }

    /// All callers in the loading thread have left. Returns whether others wait for it, so that the
    /// loader goes on; else the load is over.
    pub fn abandon(self: &Arc<Self>, caller: Caller, flight: u64) -> bool {
        self.with(caller, |contents, _| {
            let has_followers = contents.flights.has_followers(flight);
            if !has_followers {
                contents.flights.land(flight);
            }
            has_followers
        })
    }

    /// A thread waits no more for another's load.
    pub fn unfollow(self: &Arc<Self>, caller: Caller, flight: u64) {
        self.with(caller, |contents, _| {
            contents.flights.leave(flight, caller.handle);
        });
    }

    /// Keys of the loads under way that may be joined.
    pub fn keys_under_way(self: &Arc<Self>, caller: Caller) -> Vec<Arc<str>> {
        self.with(caller, |contents, _| contents.flights.keys())
    }

    /// Loads of these keys must not store their values, and nobody joins them.
    pub fn detach(self: &Arc<Self>, caller: Caller, keys: &[String]) {
        self.with(caller, |contents, _| {
            for key in keys {
                contents.flights.detach(key);
            }
        });
    }
}
