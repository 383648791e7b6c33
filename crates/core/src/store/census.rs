//! What is told of a store and of its entries.

use std::sync::Arc;

use super::stale::Revalidation;
use crate::value::Value;

/// What happened since the store was made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Look-ups that found something.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Entries that had to make room.
    pub evictions: u64,
    /// Entries whose time was over.
    pub expirations: u64,
    /// Entries that somebody dropped.
    pub invalidations: u64,
}

/// What a store holds and has done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Census {
    /// Entries.
    pub entries: usize,
    /// Their bytes, as they were weighed.
    pub weight: u64,
    /// Expired entries that may be revalidated; part of `entries`.
    pub stale: usize,
    /// What happened.
    pub counters: Counters,
    /// Events for this handle that waited too long and were cut.
    pub overflowed: u64,
    /// Entries that it may hold.
    pub max_entries: u32,
    /// Bytes that it may hold.
    pub max_bytes: u64,
}

/// What is known of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// ms since 1970, or as the user's clock counts.
    pub created_at_ms: f64,
    /// The same.
    pub accessed_at_ms: f64,
    /// The same; infinite where it never expires.
    pub expires_at_ms: f64,
    /// Accesses of this value.
    pub access_count: u64,
    /// Bytes.
    pub weight: u64,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// By what it may be revalidated.
    pub revalidation: Option<Arc<Revalidation>>,
}

/// What has expired and may be revalidated.
#[derive(Debug, Clone)]
pub struct StaleInfo {
    /// The value.
    pub value: Arc<Value>,
    /// Bytes.
    pub weight: u64,
    /// 0 = never expires.
    pub ttl_ms: f64,
    /// 0 = off.
    pub idle_ttl_ms: f64,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// By what it may be revalidated.
    pub revalidation: Arc<Revalidation>,
}
