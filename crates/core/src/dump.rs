//! Dumps: entries of a store as a stream of bytes that outlives the process.
//!
//! A header of magic and format version, then frames, then an end frame with counts. The bytes in
//! the frames, put one after another, are the records, so that a record may be larger than a frame
//! and neither side holds more than one of each. A frame's checksum starts from that of the frame
//! before: an altered byte, a frame that is missing, doubled or out of place, and a stream that
//! ends early are all found.
//!
//! Both sides are pushed and polled, and do no input or output of their own.

mod frame;
mod reader;
mod record;
mod writer;

pub use frame::FORMAT_VERSION;
pub use reader::Reader;
pub use record::{MAX_RECORD_BYTES, Record};
pub use writer::Writer;

/// What a whole dump holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries in it.
    pub records: u64,
    /// Bytes of all records before compression.
    pub record_bytes: u64,
}
