//! The atomics that clock and version words use: the standard library's, or loom's where the model checker runs.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicI32, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicI32, Ordering, fence};
