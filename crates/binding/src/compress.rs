//! Compression of single values.

use granary_core::compress;
use napi::bindgen_prelude::{Buffer, Uint8Array};
use napi_derive::napi;

use crate::{Result, guarded, to_bytes};

/// Compresses bytes into one zstd frame, which tells their length.
#[napi]
pub fn compress_value(bytes: Uint8Array) -> Result<Buffer> {
    guarded(|| Ok(compress::compress(&bytes)?.into()))
}

/// What a frame holds; null where it is damaged or holds more than `max_bytes`.
#[napi]
pub fn inflate_value(frame: Uint8Array, max_bytes: f64) -> Result<Option<Buffer>> {
    guarded(|| {
        let max_bytes = usize::try_from(to_bytes(max_bytes)).unwrap_or(usize::MAX);
        Ok(compress::inflate(&frame, max_bytes).map(Into::into))
    })
}
