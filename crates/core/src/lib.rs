//! What mcp-granary does off the JS thread: a clock that ticks into shared memory, stores of bytes that
//! threads share, and the admission policy (moka) that decides which of their entries stay.
//!
//! Nothing in this crate knows of Node; `cargo test` alone proves it.

pub mod admission;
pub mod allocator;
pub mod block;
pub mod clock;
pub mod compress;
pub mod dump;
pub mod error;
pub mod forecast;
pub mod heap_clock;
mod keeper;
mod library;
pub mod pattern;
pub mod priority;
mod robust;
pub mod sampler;
pub mod store;
mod sync;
pub mod value;

pub use error::{Error, Result};
