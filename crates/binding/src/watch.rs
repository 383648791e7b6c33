//! Trees of processes that are watched from a thread of the core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use granary_core::Error as CoreError;
use granary_core::sampler::watch::{TreeWatch, at};
use napi::bindgen_prelude::{ArrayBuffer, AsyncTask};
use napi::{Env, Error, Status, Task};
use napi_derive::napi;

use crate::{Result, guarded};

/// One tree of processes that is looked at until it is closed.
#[napi]
pub struct ProcessWatch {
    watch: Arc<TreeWatch>,
}

/// One look at all of a tree.
pub struct LookTask {
    watch: Arc<TreeWatch>,
}

impl Task for LookTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.watch.look())).map_err(|payload| {
            let error = CoreError::from_panic(payload.as_ref());
            Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
        })
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

#[napi]
impl ProcessWatch {
    /// Begins to watch; with `from_now` what is open already is not counted.
    #[napi(constructor)]
    pub fn new(pid: u32, from_now: bool) -> Result<Self> {
        guarded(|| {
            Ok(Self {
                watch: TreeWatch::begin(pid, from_now)?,
            })
        })
    }

    /// The block of memory that both sides share; to be called once.
    #[napi]
    pub fn memory<'env>(&self, env: &'env Env) -> Result<ArrayBuffer<'env>> {
        guarded(|| {
            let block = Arc::clone(self.watch.block());
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
        let word = self.watch.block().word(at::NONCE);
        word.store(u64::from(nonce.unsigned_abs()), Ordering::SeqCst);
    }

    /// Reads what JS wrote in answer.
    #[napi]
    pub fn read_echo(&self) -> i32 {
        let echo = self
            .watch
            .block()
            .word(at::NONCE_ECHO)
            .load(Ordering::SeqCst);
        #[expect(clippy::cast_possible_truncation, reason = "JS writes the lower half")]
        let echo = echo as u32;
        echo.cast_signed()
    }

    /// Looks at memory and CPU time now, on this thread: some µs.
    #[napi]
    pub fn look_quickly(&self) -> Result<()> {
        guarded(|| {
            self.watch.look_quickly();
            Ok(())
        })
    }

    /// Looks at all of it on another thread.
    #[napi]
    pub fn look(&self) -> AsyncTask<LookTask> {
        AsyncTask::new(LookTask {
            watch: Arc::clone(&self.watch),
        })
    }

    /// Nothing is looked at any more; the memory stays while it is mapped.
    #[napi]
    pub fn close(&self) {
        self.watch.close();
    }
}

impl Drop for ProcessWatch {
    /// Runs when JS has dropped the object, and when its environment ends.
    fn drop(&mut self) {
        self.watch.close();
    }
}
