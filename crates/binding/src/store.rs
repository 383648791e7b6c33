//! The store whose values are bytes, as JS sees it.

#![expect(
    clippy::too_many_arguments,
    reason = "an object costs more to hand over than its members"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use granary_core::block::word::{NONCE, NONCE_ECHO};
use granary_core::store::near::NearBlock;
use granary_core::store::{
    Boarding as CoreBoarding, Caller, Failure, Lifetime, NOBODY, Place, Policy, Revalidation,
    Store, StoreBounds, StoreOptions as CoreOptions, Wake, names,
};
use granary_core::value::Value;
use napi::bindgen_prelude::{ArrayBuffer, Either, Uint8ArraySlice};
use napi::{Env, Error};
use napi_derive::napi;

use crate::outgoing::Outgoing;
use crate::store_message::{StoreFailure, StoreMessage, to_message};
use crate::waker::StoreWaker;
use crate::{Result, guarded, to_bytes};

/// How a store is opened.
#[napi(object)]
pub struct StoreOptions {
    /// Threads that open one name have one store.
    pub name: Option<String>,
    /// Entries, 1 to 2^24.
    pub max_entries: u32,
    /// Bytes.
    pub max_bytes: f64,
    /// `adaptive`, `tinylfu` or `lru`.
    pub policy: String,
    /// Whether each call says what time it is, and nothing happens in the background.
    pub manual: bool,
    /// Entries of this thread's near map.
    pub near_entries: u32,
    /// What the clock reads at first, in ms.
    pub start_ms: f64,
}

/// What a store holds and has done.
#[napi(object)]
pub struct StoreCensus {
    /// Entries.
    pub size: f64,
    /// Their bytes.
    pub weight_bytes: f64,
    /// The bound of entries.
    pub max_entries: u32,
    /// The bound of bytes.
    pub max_bytes: f64,
    /// Look-ups that found something, near hits included.
    pub hits: f64,
    /// Look-ups that did not.
    pub misses: f64,
    /// Entries that had to make room.
    pub evictions: f64,
    /// Entries whose time was over.
    pub expirations: f64,
    /// Entries that somebody dropped.
    pub invalidations: f64,
    /// Events for this handle that waited too long and were cut.
    pub overflowed: f64,
    /// Expired entries that may be revalidated; part of `size`.
    pub stale_entries: f64,
}

/// By what an entry may be revalidated once it has expired.
#[napi(object)]
pub struct StoreRevalidation {
    /// As JS writes it.
    pub validator: String,
    /// ms after its time to live.
    pub stale_ttl_ms: f64,
}

/// What has expired and may be revalidated.
#[napi(object, object_from_js = false)]
pub struct StoreStale {
    /// How `data` came about.
    pub kind: u8,
    /// Its value.
    #[napi(ts_type = "string | Uint8Array")]
    pub data: Outgoing,
    /// Bytes.
    pub weight_bytes: f64,
    /// 0 = never expires.
    pub ttl_ms: f64,
    /// 0 = off.
    pub idle_ttl_ms: f64,
    /// Its tags.
    pub tags: Vec<String>,
    /// By what it may be revalidated.
    pub revalidation: StoreRevalidation,
}

/// What is known of an entry.
#[napi(object)]
pub struct StoreEntryInfo {
    /// ms since 1970, or as the user's clock counts.
    pub created_at_ms: f64,
    /// The same.
    pub last_accessed_at_ms: f64,
    /// The same; infinite where it never expires.
    pub expires_at_ms: f64,
    /// Accesses of this value.
    pub access_count: f64,
    /// Bytes.
    pub weight_bytes: f64,
    /// Its tags.
    pub tags: Vec<String>,
    /// By what it may be revalidated once it has expired.
    pub validator: Option<String>,
}

/// An entry in the order of arrival.
#[napi(object, object_from_js = false)]
pub struct StorePlace {
    /// Its key.
    pub key: String,
    /// Its value, where that was asked for; the kind is in the answer's words.
    #[napi(ts_type = "string | Uint8Array")]
    pub data: Option<Outgoing>,
}

/// What a thread finds that wants to load.
#[napi(object, object_from_js = false)]
pub struct StoreBoarding {
    /// The value, where it is there; its kind is in the answer's words.
    #[napi(ts_type = "string | Uint8Array")]
    pub data: Option<Outgoing>,
    /// The number of the load, else.
    pub flight: f64,
    /// Whether this thread is to run it.
    pub leads: bool,
}

/// A value as JS has made bytes of it.
type Incoming<'a> = Either<String, Uint8ArraySlice<'a>>;

/// A store as one thread has it open.
#[napi]
pub struct StoreHandle {
    store: Arc<Store>,
    block: Arc<NearBlock>,
    handle: u32,
    closed: AtomicBool,
}

#[napi]
impl StoreHandle {
    /// Opens a store.
    #[napi(constructor)]
    pub fn new(options: StoreOptions, waker: Option<&StoreWaker>) -> Result<Self> {
        guarded(|| {
            let core = CoreOptions {
                bounds: to_bounds(options.max_entries, options.max_bytes),
                policy: match options.policy.as_str() {
                    "lru" => Policy::Lru,
                    "tinylfu" => Policy::TinyLfu,
                    _ => Policy::Adaptive,
                },
                manual: options.manual,
                start_ms: options.start_ms,
            };
            let waker = waker.map(|waker| Arc::clone(&waker.wake) as Arc<dyn Wake>);
            let cells = options.near_entries as usize;
            let opened = names::open(options.name.as_deref(), &core, cells, waker)?;
            Ok(Self {
                store: opened.store,
                block: opened.block,
                handle: opened.handle,
                closed: AtomicBool::new(false),
            })
        })
    }

    /// The memory of the store, or this handle's own; each to be mapped once.
    #[napi]
    pub fn memory<'env>(&self, env: &'env Env, own: bool) -> Result<ArrayBuffer<'env>> {
        if own {
            let block = Arc::clone(&self.block);
            let words: *const [AtomicI32] = block.as_slice();
            map(env, words, block)
        } else {
            let block = Arc::clone(self.store.words());
            let words: *const [AtomicI32] = block.as_slice();
            map(env, words, block)
        }
    }

    /// Writes a number into the handle's block; JS looks whether it sees it.
    #[napi]
    pub fn write_nonce(&self, nonce: i32) {
        self.block.word(NONCE).store(nonce, Ordering::SeqCst);
    }

    /// Reads what JS wrote in answer.
    #[napi]
    pub fn read_echo(&self) -> i32 {
        self.block.word(NONCE_ECHO).load(Ordering::SeqCst)
    }

    /// The reading now; the clock ticks from here on.
    #[napi]
    pub fn wake(&self) -> i32 {
        self.store.wake()
    }

    /// A look-up that counts as an access; a negative cell is none.
    #[napi(ts_return_type = "string | Uint8Array | null")]
    pub fn get(&self, key: String, cell: i32, at: f64) -> Option<Outgoing> {
        let cell = usize::try_from(cell).ok();
        self.store.get(self.at(at), &key, cell).map(Outgoing)
    }

    /// A look-up that leaves no trace.
    #[napi(ts_return_type = "string | Uint8Array | null")]
    pub fn peek(&self, key: String, at: f64) -> Option<Outgoing> {
        self.store.peek(self.at(at), &key).map(Outgoing)
    }

    /// The value that has expired, while it is still held; none of one that lives.
    #[napi(ts_return_type = "string | Uint8Array | null")]
    pub fn last_known(&self, key: String, at: f64) -> Option<Outgoing> {
        self.store.last_known(self.at(at), &key).map(Outgoing)
    }

    /// What has expired and left, and may be revalidated.
    #[napi]
    pub fn stale(&self, key: String, at: f64) -> Option<StoreStale> {
        let stale = self.store.stale(self.at(at), &key)?;
        Some(StoreStale {
            kind: stale.value.kind,
            data: Outgoing(stale.value),
            weight_bytes: to_number(stale.weight),
            ttl_ms: stale.ttl_ms,
            idle_ttl_ms: stale.idle_ttl_ms,
            tags: stale.tags.iter().map(ToString::to_string).collect(),
            revalidation: StoreRevalidation {
                validator: stale.revalidation.validator.to_string(),
                stale_ttl_ms: stale.revalidation.stale_ttl_ms,
            },
        })
    }

    /// Stores a value.
    #[napi]
    pub fn set(
        &self,
        key: String,
        kind: u8,
        data: Incoming<'_>,
        weight_bytes: f64,
        ttl_ms: f64,
        idle_ttl_ms: f64,
        tags: Option<Vec<String>>,
        revalidation: Option<StoreRevalidation>,
        at: f64,
    ) {
        let value = to_value(kind, data);
        let tags = tags.unwrap_or_default();
        let revalidation = revalidation.map(to_revalidation);
        let lifetime = to_lifetime(ttl_ms, idle_ttl_ms, &tags, revalidation.as_ref());
        let weight = to_bytes(weight_bytes);
        self.store.set(self.at(at), &key, value, weight, &lifetime);
    }

    /// Drops an entry.
    #[napi]
    pub fn invalidate(&self, key: String, at: f64) -> bool {
        self.store.invalidate(self.at(at), &key)
    }

    /// Drops several entries; how many there were.
    #[napi]
    pub fn invalidate_keys(&self, keys: Vec<String>, at: f64) -> u32 {
        self.store.invalidate_keys(self.at(at), &keys)
    }

    /// Drops every entry whose key starts with `prefix`.
    #[napi]
    pub fn invalidate_prefix(&self, prefix: String, at: f64) -> u32 {
        self.store.invalidate_prefix(self.at(at), &prefix)
    }

    /// Drops every entry with this tag.
    #[napi]
    pub fn invalidate_tag(&self, tag: String, at: f64) -> u32 {
        self.store.invalidate_tag(self.at(at), &tag)
    }

    /// Keys that start with `prefix`.
    #[napi]
    pub fn keys_with_prefix(&self, prefix: String, at: f64) -> Vec<String> {
        let keys = self.store.keys_with_prefix(self.at(at), &prefix);
        keys.iter().map(ToString::to_string).collect()
    }

    /// Keys of the loads that may be joined.
    #[napi]
    pub fn keys_under_way(&self, at: f64) -> Vec<String> {
        let keys = self.store.keys_under_way(self.at(at));
        keys.iter().map(ToString::to_string).collect()
    }

    /// Loads of these keys must not store their values.
    #[napi]
    pub fn detach(&self, keys: Vec<String>, at: f64) {
        self.store.detach(self.at(at), &keys);
    }

    /// Drops everything.
    #[napi]
    pub fn clear(&self, at: f64) {
        self.store.clear(self.at(at));
    }

    /// Frees what has expired; how many.
    #[napi]
    pub fn expire(&self, at: f64) -> u32 {
        self.store.expire(self.at(at))
    }

    /// Settles all pending work.
    #[napi]
    pub fn settle(&self, at: f64) {
        self.store.settle(self.at(at));
    }

    /// Takes other bounds.
    #[napi]
    pub fn resize(&self, max_entries: u32, max_bytes: f64, at: f64) -> Result<()> {
        let bounds = to_bounds(max_entries, max_bytes);
        guarded(|| self.store.resize(self.at(at), bounds))
    }

    /// What is known of an entry.
    #[napi]
    pub fn info(&self, key: String, at: f64) -> Option<StoreEntryInfo> {
        let info = self.store.info(self.at(at), &key)?;
        Some(StoreEntryInfo {
            created_at_ms: info.created_at_ms,
            last_accessed_at_ms: info.accessed_at_ms,
            expires_at_ms: info.expires_at_ms,
            access_count: to_number(info.access_count),
            weight_bytes: to_number(info.weight),
            tags: info.tags.iter().map(ToString::to_string).collect(),
            validator: info.revalidation.map(|known| known.validator.to_string()),
        })
    }

    /// What it holds and has done.
    #[napi]
    pub fn census(&self, at: f64) -> StoreCensus {
        let census = self.store.census(self.at(at));
        let counters = census.counters;
        StoreCensus {
            size: to_number(census.entries as u64),
            weight_bytes: to_number(census.weight),
            max_entries: census.max_entries,
            max_bytes: to_number(census.max_bytes),
            hits: to_number(counters.hits),
            misses: to_number(counters.misses),
            evictions: to_number(counters.evictions),
            expirations: to_number(counters.expirations),
            invalidations: to_number(counters.invalidations),
            overflowed: to_number(census.overflowed),
            stale_entries: to_number(census.stale as u64),
        }
    }

    /// Entries.
    #[napi]
    pub fn size(&self) -> f64 {
        to_number(self.store.len() as u64)
    }

    /// Bytes of all entries.
    #[napi]
    pub fn weight_bytes(&self) -> f64 {
        to_number(self.store.weight())
    }

    /// Heavier entries are not kept.
    #[napi]
    pub fn max_entry_bytes(&self) -> f64 {
        to_number(self.store.max_entry_bytes())
    }

    /// The next places in the order of arrival, two numbers each.
    #[napi]
    pub fn places(&self, after: Option<Vec<i32>>, most: u32, at: f64) -> Vec<i32> {
        let after = after.and_then(|words| Place::from_words(&words));
        let places = self.store.places(self.at(at), after, most as usize);
        places.into_iter().flat_map(Place::to_words).collect()
    }

    /// The living entry of a place.
    #[napi]
    pub fn at_place(
        &self,
        slot: i32,
        ticket: i32,
        with_value: bool,
        at: f64,
    ) -> Option<StorePlace> {
        let place = Place::from_words(&[slot, ticket])?;
        let (key, value) = self.store.at_place(self.at(at), place)?;
        Some(StorePlace {
            key: key.to_string(),
            data: with_value.then_some(Outgoing(value)),
        })
    }

    /// This thread misses a value and could load it.
    #[napi]
    pub fn board(&self, key: String, tags: Vec<String>, at: f64) -> StoreBoarding {
        let (data, flight, leads) = match self.store.board(self.at(at), &key, &tags) {
            Some(CoreBoarding::Cached(value)) => (Some(Outgoing(value)), 0, false),
            Some(CoreBoarding::Follow(flight)) => (None, flight, false),
            Some(CoreBoarding::Lead(flight)) => (None, flight, true),
            // After a fault: a load of nobody's number, which stores nothing.
            None => (None, 0, true),
        };
        let flight = to_number(flight);
        StoreBoarding {
            data,
            flight,
            leads,
        }
    }

    /// A load has made a value, or found it unchanged; whether it was stored.
    #[napi]
    pub fn land(
        &self,
        flight: f64,
        kind: u8,
        data: Incoming<'_>,
        weight_bytes: f64,
        ttl_ms: f64,
        idle_ttl_ms: f64,
        tags: Option<Vec<String>>,
        revalidation: Option<StoreRevalidation>,
        is_new: bool,
        at: f64,
    ) -> bool {
        let value = to_value(kind, data);
        let tags = tags.unwrap_or_default();
        let revalidation = revalidation.map(to_revalidation);
        let lifetime = to_lifetime(ttl_ms, idle_ttl_ms, &tags, revalidation.as_ref());
        let weight = to_bytes(weight_bytes);
        let at = self.at(at);
        self.store
            .land(at, to_bytes(flight), value, weight, &lifetime, is_new)
    }

    /// A load has failed.
    #[napi]
    pub fn crash(&self, flight: f64, failure: StoreFailure, at: f64) {
        let failure = Failure {
            code: failure.code,
            message: failure.message,
            cause_name: failure.cause_name,
            cause_message: failure.cause_message,
            cause_code: failure.cause_code,
            absent: failure.absent,
        };
        self.store.crash(self.at(at), to_bytes(flight), failure);
    }

    /// The loader has told the tags of its value.
    #[napi]
    pub fn retag(&self, flight: f64, tags: Vec<String>, at: f64) {
        self.store.retag(self.at(at), to_bytes(flight), &tags);
    }

    /// Whether a load that begins now may join this one.
    #[napi]
    pub fn is_attached(&self, flight: f64, at: f64) -> bool {
        self.store.is_attached(self.at(at), to_bytes(flight))
    }

    /// All callers here have left; whether other threads wait for the load.
    #[napi]
    pub fn abandon(&self, flight: f64, at: f64) -> bool {
        self.store.abandon(self.at(at), to_bytes(flight))
    }

    /// This thread waits no more for another's load.
    #[napi]
    pub fn unfollow(&self, flight: f64, at: f64) {
        self.store.unfollow(self.at(at), to_bytes(flight));
    }

    /// Listens to these events from here on.
    #[napi]
    pub fn listen(&self, heard: u8, at: f64) {
        self.store.listen(self.at(at), heard);
    }

    /// Tells the other threads of accesses that only this one has seen.
    #[napi]
    pub fn tell_accessed(&self, key: String, kind: u8, data: Incoming<'_>, times: u32, at: f64) {
        let value = to_value(kind, data);
        self.store.tell_accessed(self.at(at), &key, value, times);
    }

    /// What waits for this handle.
    #[napi]
    pub fn take_messages(&self) -> Vec<StoreMessage> {
        let messages = self.store.take_messages(self.at(0.0).handle);
        messages.into_iter().map(to_message).collect()
    }

    /// Throws what went wrong inside since the last call; the store is whole again.
    #[napi]
    pub fn throw_fault(&self) -> Result<()> {
        guarded(|| self.store.take_fault().map_or(Ok(()), Err))
    }

    /// Makes the next operation panic, in moka or in our own code, to test what a panic does.
    #[napi]
    pub fn arm_fault(&self, own: bool) {
        self.store.arm_fault(own);
    }

    /// This thread has done with the store.
    #[napi]
    pub fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.store.leave(self.handle);
        }
    }

    /// What is set or invalidated from here on wins over the dump that is restored.
    #[napi]
    pub fn begin_restore(&self, at: f64) -> f64 {
        to_number(self.store.begin_restore(self.at(at)))
    }

    /// The restore has ended, well or not.
    #[napi]
    pub fn end_restore(&self, at: f64) {
        self.store.end_restore(self.at(at));
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn at(&self, at: f64) -> Caller {
        // Its number may be another thread's by now.
        let is_closed = self.closed.load(Ordering::SeqCst);
        let handle = if is_closed { NOBODY } else { self.handle };
        Caller { handle, at }
    }
}

impl Drop for StoreHandle {
    /// Runs when JS has dropped the object, and when its environment ends.
    fn drop(&mut self) {
        self.close();
    }
}

fn map<T: 'static>(env: &Env, words: *const [AtomicI32], owner: Arc<T>) -> Result<ArrayBuffer<'_>> {
    let length = words.len() * size_of::<AtomicI32>();
    // SAFETY: the finalizer holds the owner of the words, which are atomics and never move.
    let buffer = unsafe {
        ArrayBuffer::from_external(
            env,
            words.cast::<u8>().cast_mut(),
            length,
            owner,
            |_, owner| {
                drop(owner);
            },
        )
    };
    buffer.map_err(|error| Error::new("ERR_GRANARY_INTERNAL", error.to_string()))
}

fn to_bounds(max_entries: u32, max_bytes: f64) -> StoreBounds {
    StoreBounds {
        max_entries,
        max_bytes: to_bytes(max_bytes),
    }
}

fn to_value(kind: u8, data: Incoming<'_>) -> Value {
    let bytes = match data {
        Either::A(text) => text.into_bytes().into_boxed_slice(),
        Either::B(bytes) => bytes.to_vec().into_boxed_slice(),
    };
    Value { kind, bytes }
}

fn to_revalidation(given: StoreRevalidation) -> Arc<Revalidation> {
    Arc::new(Revalidation {
        validator: given.validator.into_boxed_str(),
        stale_ttl_ms: given.stale_ttl_ms,
    })
}

fn to_lifetime<'a>(
    ttl_ms: f64,
    idle_ttl_ms: f64,
    tags: &'a [String],
    revalidation: Option<&'a Arc<Revalidation>>,
) -> Lifetime<'a> {
    Lifetime {
        ttl_ms,
        idle_ttl_ms,
        tags,
        revalidation,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes stay below 2^53"
)]
pub(crate) fn to_number(count: u64) -> f64 {
    count as f64
}
