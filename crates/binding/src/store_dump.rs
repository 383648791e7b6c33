//! Dumps of a store whose values are bytes: entries go from one to the other without becoming JS.

use granary_core::Error as CoreError;
use granary_core::dump::Record;
use granary_core::store::{Dump, Restore, Restored};
use napi::bindgen_prelude::{Buffer, FnArgs, Function, Uint8ArraySlice};
use napi_derive::napi;

use crate::store::{StoreHandle, to_number};
use crate::{Result, guarded};

/// Whether an entry is left out, by key and tags.
type Refusal<'a> = Function<'a, FnArgs<(String, Vec<String>)>, bool>;

/// A dump under way.
#[napi]
pub struct StoreDump {
    dump: Dump,
}

/// A restore under way.
#[napi]
pub struct StoreRestore {
    restore: Restore,
}

/// What became of some entries of a dump.
#[napi(object)]
pub struct StoreRestored {
    /// Keys of those that are in the store.
    pub keys: Vec<String>,
    /// Keys of those that may be revalidated.
    pub stale: Vec<String>,
    /// How many had expired.
    pub expired: f64,
    /// How many were left out.
    pub skipped: f64,
    /// Whether there may be more in what was pushed.
    pub more: bool,
}

#[napi]
impl StoreDump {
    /// Begins a dump, least recently used first.
    #[napi(constructor)]
    pub fn new(handle: &StoreHandle, at: f64) -> Result<Self> {
        guarded(|| {
            Ok(Self {
                dump: handle.store().begin_dump(handle.at(at))?,
            })
        })
    }

    /// The next piece, maybe an empty one; null where the dump has ended.
    #[napi]
    pub fn next(&mut self, handle: &StoreHandle, at: f64) -> Option<Buffer> {
        let piece = handle.store().dump_some(handle.at(at), &mut self.dump);
        piece.map(Buffer::from)
    }

    /// Entries that are larger than a dump may hold, so far.
    #[napi]
    pub fn left_out(&self) -> f64 {
        to_number(self.dump.left_out())
    }
}

#[napi]
impl StoreRestore {
    /// A restore that began at `since`; of clones the newest that can be read, our format and V8's.
    #[napi(constructor)]
    pub fn new(since: f64, clone_format: u8, v8_format: u8) -> Result<Self> {
        guarded(|| {
            let since = crate::to_bytes(since);
            let restore = Restore::new(since, [clone_format, v8_format])?;
            Ok(Self { restore })
        })
    }

    /// Takes the next bytes of the dump.
    #[napi]
    pub fn push(&mut self, bytes: Uint8ArraySlice<'_>) {
        self.restore.push(&bytes);
    }

    /// Takes in some entries of what was pushed, but those that `refuses` names by key and tags.
    #[napi]
    pub fn step(
        &mut self,
        handle: &StoreHandle,
        at: f64,
        refuses: Option<Refusal<'_>>,
    ) -> Result<StoreRestored> {
        guarded(|| {
            let store = handle.store();
            let refuses = |record: &Record<'_>| {
                let Some(refuses) = &refuses else {
                    return Ok(false);
                };
                let tags = record.tags.iter().map(ToString::to_string).collect();
                let answer = refuses.call((record.key.to_owned(), tags).into());
                answer.map_err(|error| CoreError::Internal(error.to_string()))
            };
            let Restored {
                keys,
                stale,
                expired,
                skipped,
                more,
            } = store.restore_some(handle.at(at), &mut self.restore, refuses)?;
            Ok(StoreRestored {
                keys: keys.iter().map(ToString::to_string).collect(),
                stale: stale.iter().map(ToString::to_string).collect(),
                expired: to_number(expired),
                skipped: to_number(skipped),
                more,
            })
        })
    }
}
