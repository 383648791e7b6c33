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

pub mod allocator;
pub mod compress;
mod dump;
pub mod forecast;
mod outgoing;
pub mod pattern;
pub mod sampler;
mod store;
mod store_dump;
mod store_message;
mod waker;
pub mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use granary_core::Error as CoreError;
use granary_core::block::word;
use granary_core::heap_clock::HeapClock as Clock;
use napi::bindgen_prelude::ArrayBuffer;
use napi::{Env, Error};
use napi_derive::napi;

type Result<T> = std::result::Result<T, Error<&'static str>>;

/// The clock of one heap store.
#[napi]
pub struct HeapClock {
    clock: Arc<Clock>,
}

#[napi]
impl HeapClock {
    /// A clock in memory of its own; `start_ms` is what it reads at first.
    #[napi(constructor)]
    pub fn new(start_ms: f64) -> Self {
        Self {
            clock: Clock::new(start_ms),
        }
    }

    /// The block of memory that both sides share; to be called once.
    #[napi]
    pub fn memory<'env>(&self, env: &'env Env) -> Result<ArrayBuffer<'env>> {
        guarded(|| {
            let block = Arc::clone(self.clock.block());
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
        let word = self.clock.block().word(word::NONCE);
        word.store(nonce, std::sync::atomic::Ordering::SeqCst);
    }

    /// Reads what JS wrote in answer.
    #[napi]
    pub fn read_echo(&self) -> i32 {
        let word = self.clock.block().word(word::NONCE_ECHO);
        word.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// The time now; the keeper ticks from here on.
    #[napi]
    pub fn wake(&self) -> Result<i32> {
        guarded(|| Ok(self.clock.wake()))
    }

    /// Moves the clock's origin up by `delta_ms`; returns the reading after that.
    #[napi]
    pub fn rebase(&self, delta_ms: f64) -> Result<i32> {
        guarded(|| Ok(self.clock.rebase(delta_ms)))
    }

    /// The keeper lets go; the memory stays while it is mapped.
    #[napi]
    pub fn close(&self) {
        self.clock.close();
    }
}

impl Drop for HeapClock {
    /// Runs when JS has dropped the object, and when its environment ends.
    fn drop(&mut self) {
        self.clock.close();
    }
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
