//! Compression of single values, and the bound on what they may inflate to.

use zstd::bulk;
use zstd::zstd_safe;

use crate::{Error, Result};

/// Higher levels gain a few per cent on text and take several times as long.
const LEVEL: i32 = 1;

/// Compresses `bytes` into one zstd frame, which carries their length.
///
/// # Errors
/// `Internal` where there is no memory for the compressor.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    bulk::compress(bytes, LEVEL).map_err(|error| Error::Internal(error.to_string()))
}

/// What a frame holds; `None` where it is damaged, does not tell its length, or holds more than
/// `max_bytes`: nothing is allocated before that is known, and never more than that.
#[must_use]
pub fn inflate(frame: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let told = zstd_safe::get_frame_content_size(frame).ok()??;
    let length = usize::try_from(told)
        .ok()
        .filter(|&length| length <= max_bytes)?;
    let bytes = bulk::decompress(frame, length).ok()?;
    (bytes.len() == length).then_some(bytes)
}
