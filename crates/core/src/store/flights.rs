//! Loads under way: one for a key, whichever thread runs it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A load under way. Its lease is the life of the handle that runs it.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: Arc<str>,
    pub(super) owner: u32,
    tags: Vec<Arc<str>>,
    /// Invalidations of tags up to here happened before the load began.
    tag_epoch: u64,
    attached: bool,
    /// Handles that wait for it.
    pub(super) followers: Vec<u32>,
}

/// Loads by number, and by key while they are attached.
///
/// A set, an invalidation or a clear detaches the flights that it matches: those aboard still get
/// the value, nothing of it is stored, and whoever asks after that starts a flight of his own.
#[derive(Debug, Default)]
pub(super) struct Flights {
    by_number: BTreeMap<u64, Flight>,
    by_key: HashMap<Arc<str>, u64>,
    /// Tag to the epoch of its last invalidation; kept while an older load is under way.
    invalidated_tags: HashMap<Arc<str>, u64>,
    /// The same tags by that epoch.
    tags_by_epoch: BTreeMap<u64, Arc<str>>,
    tag_epoch: u64,
    started: u64,
}

impl Flights {
    pub(super) fn find(&self, key: &str) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    pub(super) fn start(&mut self, owner: u32, key: &str, tags: Vec<Arc<str>>) -> u64 {
        self.started += 1;
        let key: Arc<str> = key.into();
        self.by_key.insert(Arc::clone(&key), self.started);
        let flight = Flight {
            key,
            owner,
            tags,
            tag_epoch: self.tag_epoch,
            attached: true,
            followers: Vec::new(),
        };
        self.by_number.insert(self.started, flight);
        self.started
    }

    /// Without any load; numbers are never given again.
    pub(super) fn successor(&self) -> Self {
        Self {
            started: self.started,
            ..Self::default()
        }
    }

    /// Returns whether there is such a flight.
    pub(super) fn follow(&mut self, flight: u64, handle: u32) -> bool {
        let Some(flight) = self.by_number.get_mut(&flight) else {
            return false;
        };
        if !flight.followers.contains(&handle) {
            flight.followers.push(handle);
        }
        true
    }

    pub(super) fn leave(&mut self, flight: u64, handle: u32) {
        if let Some(flight) = self.by_number.get_mut(&flight) {
            flight.followers.retain(|&other| other != handle);
        }
    }

    /// Whether a load that begins now may still join it.
    pub(super) fn is_attached(&self, flight: u64) -> bool {
        self.by_number
            .get(&flight)
            .is_some_and(|flight| flight.attached)
    }

    /// Its loader has told the tags of its value; one that was invalidated meanwhile detaches it.
    pub(super) fn retag(&mut self, number: u64, tags: Vec<Arc<str>>) {
        let Some(flight) = self.by_number.get_mut(&number) else {
            return;
        };
        flight.tags = tags;
        if self.is_overtaken(number) {
            self.detach_flight(number);
        }
    }

    /// Ends a flight. Returns it, and whether its value may be stored.
    pub(super) fn land(&mut self, number: u64) -> Option<(Flight, bool)> {
        let wanted = self.is_attached(number) && !self.is_overtaken(number);
        self.detach_flight(number);
        let flight = self.by_number.remove(&number)?;
        self.forget_old_tags();
        Some((flight, wanted))
    }

    pub(super) fn followers_of(&self, flight: u64) -> Vec<u32> {
        let flight = self.by_number.get(&flight);
        flight.map_or_else(Vec::new, |flight| flight.followers.clone())
    }

    pub(super) fn has_followers(&self, flight: u64) -> bool {
        self.by_number
            .get(&flight)
            .is_some_and(|flight| !flight.followers.is_empty())
    }

    pub(super) fn detach(&mut self, key: &str) {
        if let Some(number) = self.find(key) {
            self.detach_flight(number);
        }
    }

    pub(super) fn detach_prefix(&mut self, prefix: &str) {
        for key in self.keys() {
            if key.starts_with(prefix) {
                self.detach(&key);
            }
        }
    }

    pub(super) fn detach_tag(&mut self, tag: &str) {
        if self.by_number.is_empty() {
            return;
        }
        self.tag_epoch += 1;
        let held: Arc<str> = tag.into();
        if let Some(former) = self
            .invalidated_tags
            .insert(Arc::clone(&held), self.tag_epoch)
        {
            self.tags_by_epoch.remove(&former);
        }
        self.tags_by_epoch.insert(self.tag_epoch, held);
        let tagged = |flight: &Flight| flight.tags.iter().any(|other| &**other == tag);
        let numbers: Vec<u64> = self
            .by_number
            .iter()
            .filter_map(|(&number, flight)| tagged(flight).then_some(number))
            .collect();
        for number in numbers {
            self.detach_flight(number);
        }
    }

    /// Keys of the loads that may still be joined.
    pub(super) fn keys(&self) -> Vec<Arc<str>> {
        self.by_key.keys().map(Arc::clone).collect()
    }

    /// Flights that a handle runs.
    pub(super) fn owned_by(&self, handle: u32) -> Vec<u64> {
        let owned = |(&number, flight): (&u64, &Flight)| (flight.owner == handle).then_some(number);
        self.by_number.iter().filter_map(owned).collect()
    }

    /// A handle waits for nothing any more.
    pub(super) fn forget_follower(&mut self, handle: u32) {
        for flight in self.by_number.values_mut() {
            flight.followers.retain(|&other| other != handle);
        }
    }

    fn is_overtaken(&self, flight: u64) -> bool {
        let Some(flight) = self.by_number.get(&flight) else {
            return false;
        };
        let epoch_of = |tag: &Arc<str>| self.invalidated_tags.get(&**tag).copied().unwrap_or(0);
        flight
            .tags
            .iter()
            .any(|tag| epoch_of(tag) > flight.tag_epoch)
    }

    /// Loads under way began at the epoch of the oldest of them or later.
    fn forget_old_tags(&mut self) {
        let oldest = self.by_number.first_key_value();
        let since = oldest.map_or(u64::MAX, |(_, flight)| flight.tag_epoch);
        while let Some(first) = self.tags_by_epoch.first_entry() {
            if *first.key() > since {
                break;
            }
            let tag = first.remove();
            self.invalidated_tags.remove(&tag);
        }
    }

    fn detach_flight(&mut self, number: u64) {
        let Some(flight) = self.by_number.get_mut(&number) else {
            return;
        };
        if std::mem::take(&mut flight.attached) {
            self.by_key.remove(&flight.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidated_tag_is_held_for_older_loads_alone() {
        let mut flights = Flights::default();
        flights.detach_tag("before");
        let first = flights.start(1, "first", Vec::new());
        for tag in ["a", "b", "a"] {
            flights.detach_tag(tag);
        }
        let second = flights.start(1, "second", Vec::new());
        flights.detach_tag("c");
        assert_eq!(flights.invalidated_tags.len(), 3);
        assert_eq!(flights.tags_by_epoch.len(), 3);

        flights.retag(second, vec!["a".into()]);
        assert!(flights.land(first).is_some_and(|(_, wanted)| wanted));
        assert_eq!(
            flights
                .invalidated_tags
                .keys()
                .map(|tag| &**tag)
                .collect::<Vec<_>>(),
            ["c"]
        );
        assert_eq!(flights.tags_by_epoch.len(), 1);

        flights.retag(second, vec!["c".into()]);
        assert!(flights.land(second).is_some_and(|(_, wanted)| !wanted));
        assert!(flights.invalidated_tags.is_empty() && flights.tags_by_epoch.is_empty());
    }
}
