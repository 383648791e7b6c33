//! One entry as bytes.
//!
//! ```text
//! length of what follows (4) | value kind (1) | weight (8) | ttl, idle ttl, created, accessed (4 × 8)
//! | access count (8) | key length (4) | tags (4) | stale ttl (8) | validator length (4) | validator
//! | per tag: length (4), tag | key | value
//! ```
//! Format 1 has neither stale ttl nor validator, which is as long as a validator of no bytes says.

use crate::{Error, Result};

/// The largest record that is written or read: lengths in a hostile dump are bounded by it.
pub const MAX_RECORD_BYTES: usize = 1 << 30;

pub(super) const LENGTH_LEN: usize = 4;
/// What stands in front of the tags.
const FIXED_LEN: usize = 1 + 6 * 8 + 4 + 4 + 8 + 4;
/// JS counts exactly up to here.
const MAX_COUNT: u64 = (1 << 53) - 1;
/// 10,000 years; JS dates end later.
const MAX_WALL_MS: f64 = 3.2e14;
/// Text and JSON, by their numbers in `src/cache/value-codec.ts`, are UTF-8.
const TEXT_KINDS: [u8; 2] = [0, 4];

/// An entry of a store; times in ms.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<'a> {
    /// Under which the entry stands.
    pub key: &'a str,
    /// How `value` came about; the numbers of `ValueKind` in `src/cache/value-codec.ts`.
    pub kind: u8,
    /// The value; UTF-8 where the kind is text or JSON.
    pub value: &'a [u8],
    /// What the entry counts for against the byte bound.
    pub weight_bytes: u64,
    /// 0 = for ever.
    pub ttl_ms: f64,
    /// 0 = off.
    pub idle_ttl_ms: f64,
    /// Since 1970, or as the clock of the user counts.
    pub created_at_ms: f64,
    /// As `created_at_ms`.
    pub last_accessed_at_ms: f64,
    /// Hits so far.
    pub access_count: u64,
    /// Tags, each once.
    pub tags: Vec<&'a str>,
    /// By what it may be revalidated once it has expired, as JS writes it.
    pub validator: Option<&'a str>,
    /// ms after its time to live that it may be; 0 = not.
    pub stale_ttl_ms: f64,
}

impl<'a> Record<'a> {
    /// The value of a kind that is text, or JSON; none for another, and for what is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        let is_text = TEXT_KINDS.contains(&self.kind);
        is_text.then(|| str::from_utf8(self.value).ok()).flatten()
    }

    /// Everything but key and value, which follow it.
    ///
    /// # Errors
    /// `OutOfRange` where the record is larger than a dump may hold.
    pub(super) fn head(&self) -> Result<Vec<u8>> {
        let tag_bytes: usize = self.tags.iter().map(|tag| LENGTH_LEN + tag.len()).sum();
        let validator = self.validator.unwrap_or_default();
        let own_bytes = FIXED_LEN + validator.len() + tag_bytes;
        let length = own_bytes + self.key.len() + self.value.len();
        if length > MAX_RECORD_BYTES {
            #[expect(clippy::cast_precision_loss, reason = "only told")]
            return Err(Error::OutOfRange {
                name: "an entry of a dump, in bytes,",
                value: length as f64,
                min: 0.0,
                max: MAX_RECORD_BYTES as f64,
            });
        }
        let mut head = Vec::with_capacity(LENGTH_LEN + own_bytes);
        head.extend(to_u32(length));
        head.push(self.kind);
        head.extend(self.weight_bytes.to_le_bytes());
        for ms in self.times() {
            head.extend(ms.to_le_bytes());
        }
        head.extend(self.access_count.to_le_bytes());
        head.extend(to_u32(self.key.len()));
        head.extend(to_u32(self.tags.len()));
        head.extend(self.stale_ttl_ms.to_le_bytes());
        head.extend(to_u32(validator.len()));
        head.extend(validator.as_bytes());
        for tag in &self.tags {
            head.extend(to_u32(tag.len()));
            head.extend(tag.as_bytes());
        }
        Ok(head)
    }

    /// Reads what follows a record's length.
    ///
    /// # Errors
    /// What is wrong, where the bytes are not a record that a store could hold.
    pub(super) fn parse(bytes: &'a [u8], version: u32) -> std::result::Result<Self, &'static str> {
        let mut rest = Rest(bytes);
        let kind = rest.array::<1>()?[0];
        let weight_bytes = u64::from_le_bytes(rest.array()?);
        let ttl_ms = f64::from_le_bytes(rest.array()?);
        let idle_ttl_ms = f64::from_le_bytes(rest.array()?);
        let created_at_ms = f64::from_le_bytes(rest.array()?);
        let last_accessed_at_ms = f64::from_le_bytes(rest.array()?);
        let access_count = u64::from_le_bytes(rest.array()?);
        let key_len = rest.length()?;
        let tag_count = rest.length()?;
        let (stale_ttl_ms, validator) = if version < 2 {
            (0.0, "")
        } else {
            let stale_ttl_ms = f64::from_le_bytes(rest.array()?);
            let length = rest.length()?;
            (stale_ttl_ms, rest.text(length)?)
        };
        // Each takes four bytes at least, so that their number cannot ask for more than is there.
        if tag_count > rest.0.len() / LENGTH_LEN {
            return Err("more tags than bytes");
        }
        let mut tags = Vec::with_capacity(tag_count);
        for _ in 0..tag_count {
            let length = rest.length()?;
            tags.push(rest.text(length)?);
        }
        let record = Self {
            key: rest.text(key_len)?,
            kind,
            value: rest.0,
            weight_bytes,
            ttl_ms,
            idle_ttl_ms,
            created_at_ms,
            last_accessed_at_ms,
            access_count,
            tags,
            validator: Some(validator).filter(|validator| !validator.is_empty()),
            stale_ttl_ms,
        };
        record.check()?;
        Ok(record)
    }

    fn times(&self) -> [f64; 4] {
        [
            self.ttl_ms,
            self.idle_ttl_ms,
            self.created_at_ms,
            self.last_accessed_at_ms,
        ]
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        if self.key.is_empty() || self.tags.iter().any(|tag| tag.is_empty()) {
            return Err("an empty key or tag");
        }
        if self.weight_bytes > MAX_COUNT || self.access_count > MAX_COUNT {
            return Err("a count that no store reaches");
        }
        // Written so that NaN is refused.
        let is_time = self.times().iter().all(|ms| ms.abs() <= MAX_WALL_MS);
        let is_window = (0.0..=MAX_WALL_MS).contains(&self.stale_ttl_ms);
        if !is_time || !is_window || self.ttl_ms < 0.0 || self.idle_ttl_ms < 0.0 {
            return Err("a time that no clock reads");
        }
        if TEXT_KINDS.contains(&self.kind) && self.text().is_none() {
            return Err("a text that is not UTF-8");
        }
        Ok(())
    }
}

fn to_u32(length: usize) -> [u8; LENGTH_LEN] {
    u32::try_from(length)
        .expect("bounded by MAX_RECORD_BYTES")
        .to_le_bytes()
}

/// What of a record is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> std::result::Result<&'a [u8], &'static str> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or("a record shorter than its parts")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> std::result::Result<[u8; N], &'static str> {
        Ok(self.take(N)?.try_into().expect("as long as was taken"))
    }

    fn length(&mut self) -> std::result::Result<usize, &'static str> {
        let length = u32::from_le_bytes(self.array()?);
        usize::try_from(length).map_err(|_| "a length that this machine cannot hold")
    }

    fn text(&mut self, length: usize) -> std::result::Result<&'a str, &'static str> {
        str::from_utf8(self.take(length)?).map_err(|_| "a key or tag that is not UTF-8")
    }
}
