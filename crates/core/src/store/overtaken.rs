//! What was set or invalidated while a dump is being restored: the dump is older than all of it.

use std::collections::HashMap;
use std::sync::Arc;

/// Keys, tags and prefixes with the moment at which they were last changed; kept only while a restore
/// is under way.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    under_way: usize,
    /// Counts changes while restores are under way.
    epoch: u64,
    keys: HashMap<Arc<str>, u64>,
    tags: HashMap<Box<str>, u64>,
    prefixes: Vec<(Box<str>, u64)>,
    /// Prefixes of which JS drops some keys, with the handle whose JS it is.
    partial: Vec<(Box<str>, u32, u64)>,
}

impl Overtaken {
    /// A restore begins; what it reads is older than whatever happens after the returned moment.
    pub(super) fn begin(&mut self) -> u64 {
        self.under_way += 1;
        self.epoch
    }

    pub(super) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way == 0 {
            self.keys.clear();
            self.tags.clear();
            self.prefixes.clear();
            self.partial.clear();
        }
    }

    pub(super) fn key(&mut self, key: &str) {
        if self.under_way > 0 {
            self.epoch += 1;
            self.keys.insert(key.into(), self.epoch);
        }
    }

    pub(super) fn tag(&mut self, tag: &str) {
        if self.under_way > 0 {
            self.epoch += 1;
            self.tags.insert(tag.into(), self.epoch);
        }
    }

    pub(super) fn prefix(&mut self, prefix: &str) {
        if self.under_way > 0 {
            self.epoch += 1;
            self.prefixes.retain(|(other, _)| &**other != prefix);
            self.prefixes.push((prefix.into(), self.epoch));
        }
    }

    /// Some keys with this prefix are dropped by the JS of a handle. Its own restores know which;
    /// those of others leave out all.
    pub(super) fn part_of_prefix(&mut self, prefix: &str, actor: u32) {
        if self.under_way > 0 {
            self.epoch += 1;
            let is_same =
                |(other, by, _): &(Box<str>, u32, u64)| &**other == prefix && *by == actor;
            self.partial.retain(|partial| !is_same(partial));
            self.partial.push((prefix.into(), actor, self.epoch));
        }
    }

    /// Whether an entry of a dump has been changed since its restore, that of `actor`, began.
    pub(super) fn is_overtaken(&self, key: &str, tags: &[&str], since: u64, actor: u32) -> bool {
        let is_later = |epoch: Option<&u64>| epoch.is_some_and(|&epoch| epoch > since);
        is_later(self.keys.get(key))
            || tags.iter().any(|&tag| is_later(self.tags.get(tag)))
            || self
                .prefixes
                .iter()
                .any(|(prefix, epoch)| *epoch > since && key.starts_with(&**prefix))
            || self.partial.iter().any(|(prefix, by, epoch)| {
                *epoch > since && *by != actor && key.starts_with(&**prefix)
            })
    }
}
