//! Writes a dump.

use zstd::bulk::Compressor;

use super::Summary;
use super::frame::{CHECKSUM_LEN, Chain, FRAME_HEAD_LEN, FrameKind, MAX_FRAME_BYTES, header};
use super::record::Record;
use crate::{Error, Result};

/// Higher levels gain a few per cent on text and take several times as long.
const LEVEL: i32 = 1;

/// Turns records into a dump, frame by frame: what is pushed waits in `output_bytes` until taken.
pub struct Writer {
    compressor: Compressor<'static>,
    chain: Chain,
    frame: Vec<u8>,
    packed: Vec<u8>,
    output: Vec<u8>,
    summary: Summary,
    finished: bool,
}

impl Writer {
    /// A dump without records.
    ///
    /// # Errors
    /// `Internal` where there is no memory for the compressor.
    pub fn new() -> Result<Self> {
        let header = header();
        let compressor =
            Compressor::new(LEVEL).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self {
            compressor,
            chain: Chain::after_header(&header),
            frame: Vec::with_capacity(MAX_FRAME_BYTES),
            packed: vec![0; MAX_FRAME_BYTES],
            output: header.to_vec(),
            summary: Summary::default(),
            finished: false,
        })
    }

    /// Adds one record.
    ///
    /// # Errors
    /// `OutOfRange` where it is larger than `MAX_RECORD_BYTES`; the dump stays as it was.
    ///
    /// # Panics
    /// After `finish`.
    pub fn push(&mut self, record: &Record<'_>) -> Result<()> {
        assert!(!self.finished, "a record after the end of its dump");
        let head = record.head()?;
        for part in [&head, record.key.as_bytes(), record.value] {
            self.write(part);
        }
        self.summary.records += 1;
        Ok(())
    }

    /// How many bytes `take_output` would return.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.output.len()
    }

    /// The dump so far, from where the last call ended.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Ends the dump; what is left of it is to be taken.
    pub fn finish(&mut self) -> Summary {
        if !self.finished {
            self.finished = true;
            if !self.frame.is_empty() {
                self.end_frame();
            }
            let Summary {
                records,
                record_bytes,
            } = self.summary;
            let counts = [records.to_le_bytes(), record_bytes.to_le_bytes()].concat();
            self.put_frame(FrameKind::End, &counts, counts.len());
        }
        self.summary
    }

    fn write(&mut self, mut bytes: &[u8]) {
        self.summary.record_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = MAX_FRAME_BYTES - self.frame.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.frame.extend_from_slice(now);
            bytes = later;
            if self.frame.len() == MAX_FRAME_BYTES {
                self.end_frame();
            }
        }
    }

    fn end_frame(&mut self) {
        let frame = std::mem::take(&mut self.frame);
        let mut packed = std::mem::take(&mut self.packed);
        // With no room for more than it had, what does not shrink is an error, and stays as it is.
        let outcome = self
            .compressor
            .compress_to_buffer(&frame, &mut packed[..frame.len() - 1]);
        let payload = outcome.map_or(&frame[..], |length| &packed[..length]);
        self.put_frame(FrameKind::Records, payload, frame.len());
        self.packed = packed;
        self.frame = frame;
        self.frame.clear();
    }

    fn put_frame(&mut self, kind: FrameKind, payload: &[u8], unpacked_len: usize) {
        let start = self.output.len();
        self.output
            .reserve(FRAME_HEAD_LEN + payload.len() + CHECKSUM_LEN);
        self.output.push(kind.to_byte());
        for length in [payload.len(), unpacked_len] {
            let length = u32::try_from(length).expect("bounded by MAX_FRAME_BYTES");
            self.output.extend(length.to_le_bytes());
        }
        self.output.extend_from_slice(payload);
        let checksum = self.chain.next(&self.output[start..]);
        self.output.extend(checksum);
    }
}
