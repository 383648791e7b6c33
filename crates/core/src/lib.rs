//! What mcp-granary does off the JS thread: a clock that ticks into shared memory, rings that carry
//! what a store did, and the admission policy (moka) that decides which entries stay.
//!
//! Nothing in this crate knows of Node; `cargo test` alone proves it.

pub mod admission;
pub mod block;
pub mod clock;
pub mod dump;
pub mod error;
pub mod heap_core;
mod keeper;
mod library;
pub mod ring;
pub mod store;
mod sync;
pub mod value;

pub use error::{Error, Result};
