//! N-API edge of `granary-core`: converts, calls, maps the error. No policy, no state of its own.

#![expect(
    clippy::missing_errors_doc,
    reason = "every function maps the core's errors alike, see `guarded`"
)]
#![expect(
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "the callers are JS, and N-API hands objects over by value"
)]

mod dump;
mod outgoing;
mod store;
mod store_dump;
mod store_message;
mod waker;

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use granary_core::Error as CoreError;
use granary_core::admission::Bounds;
use granary_core::block::word;
use granary_core::heap_core::{HeapCore as Core, HeapCoreOptions as CoreOptions};
use napi::bindgen_prelude::ArrayBuffer;
use napi::{Env, Error};
use napi_derive::napi;

type Result<T> = std::result::Result<T, Error<&'static str>>;

/// Seeds of the key hash: keys that collide in one process do not in the next.
static SEED: LazyLock<[i32; 2]> = LazyLock::new(|| {
    let random = RandomState::new().hash_one(std::process::id());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of the word"
    )]
    let halves = [random as i32, (random >> 32) as i32];
    halves
});

/// What main may hold.
#[napi(object)]
pub struct MainBounds {
    /// Entries that main may hold.
    pub main_entries: u32,
    /// Entries of the whole store.
    pub max_entries: u32,
    /// Bytes of the whole store.
    pub max_bytes: f64,
}

/// How a core is made.
#[napi(object)]
pub struct HeapCoreOptions {
    /// None where the store keeps its own order and needs the clock only.
    pub main: Option<MainBounds>,
    /// Whether the keeper thread ticks and works for this store.
    pub background: bool,
    /// What the clock reads at first, in ms.
    pub start_ms: f64,
}

/// What main holds, for tests and figures.
#[napi(object)]
pub struct Census {
    /// Entries in main.
    pub entries: u32,
    /// How often main was rebuilt.
    pub rebuilds: u32,
}

/// Clock, rings and admission policy of one heap store.
#[napi]
pub struct HeapCore {
    core: Arc<Core>,
}

#[napi]
impl HeapCore {
    /// A core with memory of its own.
    #[napi(constructor)]
    pub fn new(options: HeapCoreOptions) -> Result<Self> {
        guarded(|| {
            let main = options.main.as_ref().map(to_bounds).transpose()?;
            let core = Core::new(CoreOptions {
                main,
                background: options.background,
                start_ms: options.start_ms,
                seed: *SEED,
            });
            Ok(Self { core })
        })
    }

    /// The block of memory that both sides share; to be called once.
    #[napi]
    pub fn memory<'env>(&self, env: &'env Env) -> Result<ArrayBuffer<'env>> {
        guarded(|| {
            let block = Arc::clone(self.core.block());
            let (data, length) = (block.as_ptr().cast_mut(), block.byte_length());
            // SAFETY: the finalizer holds the block, whose words are atomics and never move.
            let buffer = unsafe {
                ArrayBuffer::from_external(env, data, length, block, |_, block| drop(block))
            };
            buffer.map_err(|error| CoreError::Internal(error.to_string()))
        })
    }

    /// Writes a number into the block; JS looks whether it sees it.
    #[napi]
    pub fn write_nonce(&self, nonce: i32) {
        let word = self.core.block().word(word::NONCE);
        word.store(nonce, std::sync::atomic::Ordering::SeqCst);
    }

    /// Reads what JS wrote in answer.
    #[napi]
    pub fn read_echo(&self) -> i32 {
        let word = self.core.block().word(word::NONCE_ECHO);
        word.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// The time now; the keeper ticks from here on.
    #[napi]
    pub fn wake(&self) -> Result<i32> {
        guarded(|| Ok(self.core.wake()))
    }

    /// Moves the clock's origin up by `delta_ms`; returns the reading after that.
    #[napi]
    pub fn rebase(&self, delta_ms: f64) -> Result<i32> {
        guarded(|| Ok(self.core.rebase(delta_ms)))
    }

    /// Does all work that waits; returns whether notices wait for room in their ring.
    #[napi]
    pub fn settle(&self, finish: bool) -> Result<bool> {
        guarded(|| self.core.settle(finish))
    }

    /// Forgets every entry.
    #[napi]
    pub fn clear(&self) -> Result<()> {
        guarded(|| self.core.clear())
    }

    /// Takes new bounds; returns whether notices wait for room in their ring.
    #[napi]
    pub fn resize(
        &self,
        bounds: MainBounds,
        main_bytes: f64,
        max_entry_bytes: f64,
    ) -> Result<bool> {
        guarded(|| {
            let bounds = to_bounds(&bounds)?;
            self.core
                .resize(bounds, to_bytes(main_bytes), to_bytes(max_entry_bytes))
        })
    }

    /// The keeper lets go; the memory stays while it is mapped.
    #[napi]
    pub fn close(&self) {
        self.core.close();
    }

    /// Makes the next operation panic, to test what a panic does.
    #[napi]
    pub fn arm_fault(&self) {
        self.core.arm_fault();
    }

    /// What main holds.
    #[napi]
    pub fn census(&self) -> Census {
        let (entries, rebuilds) = self.core.census();
        Census {
            entries: u32::try_from(entries).unwrap_or(u32::MAX),
            rebuilds,
        }
    }
}

impl Drop for HeapCore {
    /// Runs when JS has dropped the object, and when its environment ends.
    fn drop(&mut self) {
        self.core.close();
    }
}

fn to_bounds(bounds: &MainBounds) -> std::result::Result<Bounds, CoreError> {
    Bounds::new(
        bounds.main_entries,
        bounds.max_entries,
        to_bytes(bounds.max_bytes),
    )
}

fn to_bytes(bytes: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "JS hands over safe integers; `as` saturates"
    )]
    let bytes = bytes as u64;
    bytes
}

/// Runs `work`; an error or a panic becomes a JS error with its code.
fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, CoreError>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(CoreError::from_panic(payload.as_ref())));
    outcome.map_err(|error| Error::new(error.code(), error.to_string()))
}
