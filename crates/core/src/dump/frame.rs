//! The envelope: header, frames, the chain of their checksums.
//!
//! ```text
//! header: magic (8) | format version (4)
//! frame:  kind (1) | payload length (4) | length when unpacked (4) | payload | checksum (8)
//! ```
//! Numbers are little-endian. A payload as long as what it unpacks to is not compressed.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The format that this version writes; it reads those before, too.
pub const FORMAT_VERSION: u32 = 2;

/// The first byte is no ASCII: what is sent as text is found out at once, as in PNG.
pub(super) const MAGIC: [u8; 8] = *b"\x89GRANARY";
pub(super) const HEADER_LEN: usize = MAGIC.len() + 4;

/// Unpacked bytes of a frame at most: what a reader unpacks at a time.
pub(super) const MAX_FRAME_BYTES: usize = 256 * 1024;
pub(super) const FRAME_HEAD_LEN: usize = 9;
pub(super) const CHECKSUM_LEN: usize = 8;
/// Payload of the end frame: two counts.
pub(super) const END_LEN: usize = 16;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// A part of the records.
    Records,
    /// Counts; nothing comes after it.
    End,
}

impl FrameKind {
    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Records => 1,
            Self::End => 2,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Records, Self::End]
            .into_iter()
            .find(|kind| kind.to_byte() == byte)
    }
}

pub(super) fn header() -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..MAGIC.len()].copy_from_slice(&MAGIC);
    header[MAGIC.len()..].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header
}

/// Checksums of frames, each of which depends on all bytes before it.
#[derive(Debug)]
pub(super) struct Chain(u64);

impl Chain {
    pub(super) fn after_header(header: &[u8]) -> Self {
        Self(xxh3_64(header))
    }

    /// The checksum of the next frame, of which `bytes` are head and payload.
    pub(super) fn next(&mut self, bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
        self.0 = xxh3_64_with_seed(bytes, self.0);
        self.0.to_le_bytes()
    }
}
