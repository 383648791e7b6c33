//! Wakes one environment, so that its handles take their messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use granary_core::store::Wake;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error, Status};
use napi_derive::napi;

use crate::Result;

/// Weak: it keeps no event loop alive.
type Callback = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The one waker of an environment. Many wakes before the callback runs are one.
#[napi]
pub struct StoreWaker {
    pub(crate) wake: Arc<EnvironmentWaker>,
}

#[napi]
impl StoreWaker {
    /// `callback` runs on this environment's event loop.
    #[napi(constructor)]
    pub fn new(env: Env, callback: Function<'_, (), ()>) -> Result<Self> {
        let internal = |error: Error| Error::new("ERR_GRANARY_INTERNAL", error.to_string());
        let wake = Arc::new(EnvironmentWaker::default());
        let pending = Arc::clone(&wake.pending);
        let callback = callback
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |_| {
                // Before the messages are taken: one that comes meanwhile wakes again.
                pending.store(false, Ordering::SeqCst);
                Ok(())
            })
            .map_err(internal)?;
        *wake.callback.lock() = Some(callback);
        // Nobody wakes an environment that has begun to end.
        env.add_env_cleanup_hook(Arc::clone(&wake), |wake| drop(wake.callback.lock().take()))
            .map_err(internal)?;
        Ok(Self { wake })
    }
}

/// What the stores hold of an environment.
#[derive(Default)]
pub(crate) struct EnvironmentWaker {
    callback: parking_lot::Mutex<Option<Callback>>,
    pending: Arc<AtomicBool>,
}

impl std::fmt::Debug for EnvironmentWaker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EnvironmentWaker")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl Wake for EnvironmentWaker {
    fn wake(&self) {
        if self.pending.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(callback) = &*self.callback.lock() {
            callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}
