//! The allocator of the C library, asked on a thread of libuv's pool.

use granary_core::allocator;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

/// One request to give back what is free.
pub struct TrimTask;

impl Task for TrimTask {
    type Output = bool;
    type JsValue = bool;

    fn compute(&mut self) -> napi::Result<bool> {
        Ok(allocator::trim())
    }

    fn resolve(&mut self, _: Env, trimmed: bool) -> napi::Result<bool> {
        Ok(trimmed)
    }
}

/// Gives memory that is free and still held back to the system; false where there was none, or the library
/// cannot be asked.
#[napi(ts_return_type = "Promise<boolean>")]
pub fn trim_allocator() -> AsyncTask<TrimTask> {
    AsyncTask::new(TrimTask)
}
