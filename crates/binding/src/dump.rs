//! Dumps, written and read entry by entry.

use granary_core::dump::{Reader, Record, Summary, Writer};
use napi::bindgen_prelude::{Buffer, Either, Uint8Array};
use napi_derive::napi;

use crate::{Result, guarded};

/// One entry of a dump; times in ms.
#[napi(object)]
pub struct DumpEntry {
    /// Under which it stands; well-formed.
    pub key: String,
    /// How `data` came about.
    pub kind: u8,
    /// A string where the kind is text or JSON.
    pub data: Either<String, Uint8Array>,
    /// What it counts for against the byte bound.
    pub weight_bytes: f64,
    /// 0 = for ever.
    pub ttl_ms: f64,
    /// 0 = off.
    pub idle_ttl_ms: f64,
    /// Since 1970, or as the clock of the user counts.
    pub created_at_ms: f64,
    /// As `createdAtMs`.
    pub last_accessed_at_ms: f64,
    /// Hits so far.
    pub access_count: f64,
    /// Each once; well-formed.
    pub tags: Vec<String>,
    /// By what it may be revalidated once it has expired.
    pub validator: Option<String>,
    /// ms after its time to live that it may be.
    pub stale_ttl_ms: Option<f64>,
}

/// Writes a dump.
#[napi]
pub struct DumpWriter {
    writer: Writer,
}

#[napi]
impl DumpWriter {
    /// A dump without entries.
    #[napi(constructor)]
    pub fn new() -> Result<Self> {
        guarded(|| {
            Ok(Self {
                writer: Writer::new()?,
            })
        })
    }

    /// Adds an entry; returns how many bytes wait to be taken.
    #[napi]
    pub fn push(&mut self, entry: DumpEntry) -> Result<f64> {
        guarded(|| {
            let value = match &entry.data {
                Either::A(text) => text.as_bytes(),
                Either::B(bytes) => bytes,
            };
            self.writer.push(&Record {
                key: &entry.key,
                kind: entry.kind,
                value,
                weight_bytes: crate::to_bytes(entry.weight_bytes),
                ttl_ms: entry.ttl_ms,
                idle_ttl_ms: entry.idle_ttl_ms,
                created_at_ms: entry.created_at_ms,
                last_accessed_at_ms: entry.last_accessed_at_ms,
                access_count: crate::to_bytes(entry.access_count),
                tags: entry.tags.iter().map(String::as_str).collect(),
                validator: entry.validator.as_deref(),
                stale_ttl_ms: entry.stale_ttl_ms.unwrap_or_default(),
            })?;
            #[expect(clippy::cast_precision_loss, reason = "held in memory")]
            let waiting = self.writer.output_bytes() as f64;
            Ok(waiting)
        })
    }

    /// The dump so far, from where the last call ended.
    #[napi]
    pub fn take_output(&mut self) -> Buffer {
        self.writer.take_output().into()
    }

    /// Ends the dump; what is left of it is to be taken.
    #[napi]
    pub fn finish(&mut self) -> Result<()> {
        guarded(|| {
            self.writer.finish();
            Ok(())
        })
    }
}

/// Reads a dump.
#[napi]
pub struct DumpReader {
    reader: Reader,
}

#[napi]
impl DumpReader {
    /// A reader at the beginning of a dump.
    #[napi(constructor)]
    pub fn new() -> Result<Self> {
        guarded(|| {
            Ok(Self {
                reader: Reader::new()?,
            })
        })
    }

    /// Takes the next bytes of the dump.
    #[napi]
    pub fn push(&mut self, bytes: Uint8Array) {
        self.reader.push(&bytes);
    }

    /// The next entry; null where more bytes are needed first.
    #[napi]
    pub fn next_entry(&mut self) -> Result<Option<DumpEntry>> {
        guarded(|| Ok(self.reader.next_record()?.as_ref().map(to_entry)))
    }

    /// Checks all that was pushed, in place of `nextEntry`.
    #[napi]
    pub fn check(&mut self) -> Result<()> {
        guarded(|| {
            while self.reader.next_record()?.is_some() {}
            Ok(())
        })
    }

    /// To be called when all is pushed and read: throws unless the dump is whole.
    #[napi]
    pub fn finish(&self) -> Result<f64> {
        guarded(|| {
            let Summary { records, .. } = self.reader.finish()?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let records = records as f64;
            Ok(records)
        })
    }
}

fn to_entry(record: &Record<'_>) -> DumpEntry {
    #[expect(clippy::cast_precision_loss, reason = "checked to be below 2^53")]
    let (weight_bytes, access_count) = (record.weight_bytes as f64, record.access_count as f64);
    DumpEntry {
        key: record.key.to_owned(),
        kind: record.kind,
        data: record.text().map_or_else(
            || Either::B(Uint8Array::new(record.value.to_vec())),
            |text| Either::A(text.to_owned()),
        ),
        weight_bytes,
        ttl_ms: record.ttl_ms,
        idle_ttl_ms: record.idle_ttl_ms,
        created_at_ms: record.created_at_ms,
        last_accessed_at_ms: record.last_accessed_at_ms,
        access_count,
        tags: record.tags.iter().map(ToString::to_string).collect(),
        validator: record.validator.map(ToString::to_string),
        stale_ttl_ms: record.validator.map(|_| record.stale_ttl_ms),
    }
}
