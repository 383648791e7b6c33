//! A store written into a dump, and taken in from one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::contents::Contents;
use super::slab::Entry;
use super::stale::Revalidation;
use super::time::Moment;
use super::{Caller, Store};
use crate::dump::{Reader, Record, Writer};
use crate::error::{Error, Result};
use crate::value::Value;

/// Entries that are looked at under one lock, at most and in bytes.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 32 << 10;

/// Dumps are handed out in pieces of about this size.
const PIECE_BYTES: usize = 256 << 10;

/// Work that one call does before others get their turn.
const SLICE: Duration = Duration::from_millis(1);

/// The kind of structured clones, by its number in `src/cache/value-codec.ts`.
const CLONE: u8 = 5;

/// A store on its way into a dump: the keys of when it began, each entry as it is when its turn comes.
pub struct Dump {
    keys: VecDeque<Arc<str>>,
    /// Entries that were looked at and are not yet written.
    snapshots: VecDeque<Snapshot>,
    writer: Writer,
    finished: bool,
    /// Entries that are larger than a dump may hold.
    left_out: u64,
}

/// One entry, as it was under the lock.
struct Snapshot {
    key: Arc<str>,
    value: Arc<Value>,
    weight: u64,
    ttl_ms: f64,
    idle_ttl_ms: f64,
    created_at_ms: f64,
    accessed_at_ms: f64,
    access_count: u64,
    tags: Box<[Arc<str>]>,
    revalidation: Option<Arc<Revalidation>>,
}

/// What became of the entries of a dump.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Keys of those that are in the store.
    pub keys: Vec<Arc<str>>,
    /// Of those that had expired, keys of what may be revalidated.
    pub stale: Vec<Arc<str>>,
    /// Those that had expired.
    pub expired: u64,
    /// Those that were left out.
    pub skipped: u64,
    /// Whether there may be more in what was pushed.
    pub more: bool,
}

/// A dump on its way into a store. It has been checked before.
pub struct Restore {
    reader: Reader,
    since: u64,
    /// The newest clones that can be read: our format, V8's format.
    clones: [u8; 2],
}

impl Dump {
    /// Entries that are larger than a dump may hold, so far.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Restore {
    /// A restore that began at `since`, see [`Store::begin_restore`].
    ///
    /// # Errors
    /// [`crate::Error::Internal`] where there is no memory for it.
    pub fn new(since: u64, clones: [u8; 2]) -> Result<Self> {
        let reader = Reader::new()?;
        Ok(Self {
            reader,
            since,
            clones,
        })
    }

    /// Takes the next bytes of the dump.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }
}

impl Store {
    /// Begins a dump, least recently used first.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] where there is no memory for it.
    pub fn begin_dump(self: &Arc<Self>, caller: Caller) -> Result<Dump> {
        let writer = Writer::new()?;
        let keys = self.with(caller, |contents, now| {
            contents.take_hits(now);
            contents.keys_by_use()
        });
        Ok(Dump {
            keys: keys.into(),
            snapshots: VecDeque::new(),
            writer,
            finished: false,
            left_out: 0,
        })
    }

    /// The next piece of a dump, maybe an empty one; nothing where it has ended.
    pub fn dump_some(self: &Arc<Self>, caller: Caller, dump: &mut Dump) -> Option<Vec<u8>> {
        if dump.finished {
            return None;
        }
        let began = Instant::now();
        while dump.writer.output_bytes() < PIECE_BYTES && began.elapsed() < SLICE {
            if dump.snapshots.is_empty() {
                self.take_snapshots(caller, dump);
            }
            let Some(snapshot) = dump.snapshots.pop_front() else {
                dump.writer.finish();
                dump.finished = true;
                break;
            };
            if dump.writer.push(&snapshot.as_record()).is_err() {
                dump.left_out += 1;
            }
        }
        Some(dump.writer.take_output())
    }

    /// The next entries as they are now, some of them for one look under the lock.
    fn take_snapshots(self: &Arc<Self>, caller: Caller, dump: &mut Dump) {
        self.with(caller, |contents, now| {
            contents.take_hits(now);
            let offset = self.wall_offset_ms(now);
            let mut bytes = 0;
            while bytes < BATCH_BYTES && dump.snapshots.len() < BATCH {
                let Some(key) = dump.keys.pop_front() else {
                    return;
                };
                if let Some(snapshot) = contents.snapshot(&key, now, offset, caller.handle) {
                    bytes += snapshot.value.bytes.len();
                    dump.snapshots.push_back(snapshot);
                }
            }
        });
    }

    /// A restore begins: what is set or invalidated from here on wins over the dump.
    pub fn begin_restore(self: &Arc<Self>, caller: Caller) -> u64 {
        self.with(caller, |contents, _| contents.begin_restore(caller.handle))
    }

    /// It has ended, well or not.
    pub fn end_restore(self: &Arc<Self>, caller: Caller) {
        self.with(caller, |contents, _| contents.end_restore(caller.handle));
    }

    /// Takes in some entries of what was pushed, but those that `refuses` names.
    ///
    /// # Errors
    /// [`crate::Error::BadDump`], and what `refuses` returns.
    pub fn restore_some<E: From<Error>>(
        self: &Arc<Self>,
        caller: Caller,
        restore: &mut Restore,
        mut refuses: impl FnMut(&Record<'_>) -> std::result::Result<bool, E>,
    ) -> std::result::Result<Restored, E> {
        let began = Instant::now();
        let mut restored = Restored::default();
        let Restore {
            reader,
            since,
            clones,
        } = restore;
        while began.elapsed() < SLICE {
            let Some(record) = reader.next_record()? else {
                return Ok(restored);
            };
            if !is_readable(&record, *clones) || refuses(&record)? {
                restored.skipped += 1;
                continue;
            }
            let outcome = self.with(caller, |contents, now| {
                contents.take_ordered_hits(now);
                let offset = self.wall_offset_ms(now);
                Some(contents.restore(&record, *since, offset, now, caller.handle))
            });
            match outcome {
                Some(Outcome::Restored(key)) => restored.keys.push(key),
                Some(Outcome::Expired(stale)) => {
                    restored.expired += 1;
                    restored.stale.extend(stale);
                }
                Some(Outcome::Skipped) | None => restored.skipped += 1,
            }
        }
        restored.more = true;
        Ok(restored)
    }

    /// What the store's time of now is behind the wall clock of now.
    fn wall_offset_ms(&self, now: Moment) -> f64 {
        if self.clock.is_none() {
            return 0.0;
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        wall.map_or(0.0, |since| since.as_secs_f64() * 1_000.0) - now.ms
    }
}

/// What became of one entry of a dump.
enum Outcome {
    Restored(Arc<str>),
    /// With its key, where it may be revalidated.
    Expired(Option<Arc<str>>),
    Skipped,
}

impl Snapshot {
    fn as_record(&self) -> Record<'_> {
        Record {
            key: &self.key,
            kind: self.value.kind,
            value: &self.value.bytes,
            weight_bytes: self.weight,
            ttl_ms: self.ttl_ms,
            idle_ttl_ms: self.idle_ttl_ms,
            created_at_ms: self.created_at_ms,
            last_accessed_at_ms: self.accessed_at_ms,
            access_count: self.access_count,
            tags: self.tags.iter().map(|tag| &**tag).collect(),
            validator: self.revalidation.as_deref().map(|known| &*known.validator),
            stale_ttl_ms: self
                .revalidation
                .as_deref()
                .map_or(0.0, |known| known.stale_ttl_ms),
        }
    }
}

impl Contents {
    fn snapshot(&mut self, key: &str, now: Moment, offset: f64, actor: u32) -> Option<Snapshot> {
        let entry = match self.find(key, now, actor) {
            Some(slot) => self.slab.at(slot)?,
            None => self.stale.get(key, now.ms)?,
        };
        Some(Snapshot {
            key: Arc::clone(&entry.key),
            value: Arc::clone(&entry.value),
            weight: entry.weight,
            ttl_ms: entry.ttl_ms,
            idle_ttl_ms: entry.idle_ttl_ms,
            created_at_ms: entry.born + offset,
            accessed_at_ms: entry.accessed_at + offset,
            access_count: entry.access_count,
            tags: entry.tags.clone(),
            revalidation: entry.revalidation.clone(),
        })
    }

    /// Goes on with the life of an entry, unless its key has an entry.
    fn restore(
        &mut self,
        record: &Record<'_>,
        since: u64,
        offset: f64,
        now: Moment,
        actor: u32,
    ) -> Outcome {
        let is_held = self.find(record.key, now, actor).is_some();
        let is_too_large = record.weight_bytes > self.order.max_entry_bytes();
        let is_overtaken = self
            .overtaken
            .is_overtaken(record.key, &record.tags, since, actor);
        if is_held || is_too_large || is_overtaken {
            return Outcome::Skipped;
        }
        // A wall clock that was set back since would make it younger than new.
        let born = now.ms.min(record.created_at_ms - offset);
        let accessed_at = now.ms.min(record.last_accessed_at_ms - offset).max(born);
        let value = Value {
            kind: record.kind,
            bytes: record.value.into(),
        };
        let tags = record.tags.iter().map(|tag| self.intern_one(tag)).collect();
        let revalidation = record.validator.map(|validator| {
            Arc::new(Revalidation {
                validator: validator.into(),
                stale_ttl_ms: record.stale_ttl_ms,
            })
        });
        let entry = Entry {
            weight: record.weight_bytes,
            born,
            ttl_ms: record.ttl_ms,
            idle_ttl_ms: record.idle_ttl_ms,
            accessed_at,
            access_count: record.access_count,
            tags,
            revalidation,
            ..self.new_entry(record.key, Arc::new(value), now)
        };
        if now.ms > entry.deadline() {
            if entry.revalidation.is_some() && self.stale.get(record.key, now.ms).is_none() {
                self.shelve(entry, now);
            }
            let stale = self.stale.get(record.key, now.ms);
            return Outcome::Expired(stale.map(|entry| Arc::clone(&entry.key)));
        }
        let key = Arc::clone(&entry.key);
        self.enter(entry, actor);
        Outcome::Restored(key)
    }
}

/// Whether this process can read the value: clones of a newer V8 it cannot.
fn is_readable(record: &Record<'_>, [format, v8_format]: [u8; 2]) -> bool {
    match (record.kind, record.value) {
        (CLONE, &[ours, _, theirs, ..]) => ours == format && theirs <= v8_format,
        (CLONE, _) => false,
        (kind, _) => kind < CLONE,
    }
}
