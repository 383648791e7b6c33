//! Reads a dump, and believes nothing in it.

use zstd::bulk::Decompressor;

use super::Summary;
use super::frame::{
    CHECKSUM_LEN, Chain, END_LEN, FORMAT_VERSION, FRAME_HEAD_LEN, FrameKind, HEADER_LEN, MAGIC,
    MAX_FRAME_BYTES,
};
use super::record::{LENGTH_LEN, MAX_RECORD_BYTES, Record};
use crate::{Error, Result};

/// Turns a dump, pushed in pieces of any size, into records.
///
/// Only after `finish` has returned is it known that the dump is whole and as it was written: take
/// nothing of it for good before, or read it twice. After an error the reader is of no more use.
pub struct Reader {
    decompressor: Decompressor<'static>,
    /// None before the header.
    chain: Option<Chain>,
    /// Of its format.
    version: u32,
    input: Vec<u8>,
    /// Up to here `input` is read.
    consumed: usize,
    /// Bytes of the dump before `input`.
    offset: u64,
    records: Vec<u8>,
    /// Up to here `records` is read.
    parsed: usize,
    /// What has been read.
    seen: Summary,
    ended: bool,
}

impl Reader {
    /// A reader at the beginning of a dump.
    ///
    /// # Errors
    /// `Internal` where there is no memory for the decompressor.
    pub fn new() -> Result<Self> {
        let decompressor =
            Decompressor::new().map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self {
            decompressor,
            chain: None,
            version: FORMAT_VERSION,
            input: Vec::new(),
            consumed: 0,
            offset: 0,
            records: Vec::new(),
            parsed: 0,
            seen: Summary::default(),
            ended: false,
        })
    }

    /// Takes the next bytes of the dump. They are read by `next_record`: call that until it returns
    /// none before you push more, so that no more than this is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.offset += self.consumed as u64;
        self.input.drain(..self.consumed);
        self.consumed = 0;
        self.input.extend_from_slice(bytes);
    }

    /// The next record; none where more bytes are needed first.
    ///
    /// # Errors
    /// `BadDump` with what is wrong and where.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            if let Some(length) = self.whole_record()? {
                let start = self.parsed + LENGTH_LEN;
                self.parsed = start + length;
                self.seen.records += 1;
                self.seen.record_bytes += (LENGTH_LEN + length) as u64;
                let position = self.position();
                return Record::parse(&self.records[start..start + length], self.version)
                    .map(Some)
                    .map_err(|problem| bad(position, problem.to_owned()));
            }
            if !self.read_frame()? {
                return Ok(None);
            }
        }
    }

    /// To be called after the last byte was pushed and the last record taken.
    ///
    /// # Errors
    /// `BadDump` where the dump is not whole.
    pub fn finish(&self) -> Result<Summary> {
        if !self.ended {
            let end = self.offset + self.input.len() as u64;
            return Err(bad(end, "it ends too early".to_owned()));
        }
        Ok(self.seen)
    }

    /// The length of the next record, when all of it is here.
    fn whole_record(&self) -> Result<Option<usize>> {
        let rest = &self.records[self.parsed..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_LEN>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_RECORD_BYTES {
            return Err(self.bad(format!("an entry of {length} bytes")));
        }
        Ok((rest.len() >= length).then_some(length))
    }

    /// Reads header or frame; returns false where the input does not hold all of it.
    fn read_frame(&mut self) -> Result<bool> {
        let input = &self.input[self.consumed..];
        if self.chain.is_none() {
            return self.read_header();
        }
        if self.ended {
            return match input.len() {
                0 => Ok(false),
                more => Err(self.bad(format!("{more} bytes after its end"))),
            };
        }
        let Some(head) = input.first_chunk::<FRAME_HEAD_LEN>() else {
            return Ok(false);
        };
        let Frame {
            kind,
            payload_len,
            unpacked_len,
        } = Frame::parse(head).map_err(|problem| self.bad(problem.to_owned()))?;
        let checked_len = FRAME_HEAD_LEN + payload_len;
        let Some(stored) = input.get(checked_len..checked_len + CHECKSUM_LEN) else {
            return Ok(false);
        };
        let chain = self.chain.as_mut().expect("the header is read");
        if chain.next(&input[..checked_len]) != *stored {
            return Err(self.bad("a checksum that does not match".to_owned()));
        }
        let payload = FRAME_HEAD_LEN..checked_len;
        match kind {
            FrameKind::Records => self.unpack(payload, unpacked_len)?,
            FrameKind::End => self.end(payload)?,
        }
        self.consumed += checked_len + CHECKSUM_LEN;
        Ok(true)
    }

    fn read_header(&mut self) -> Result<bool> {
        let input = &self.input[self.consumed..];
        let known = input.len().min(MAGIC.len());
        if input[..known] != MAGIC[..known] {
            return Err(self.bad("it does not begin as a dump does".to_owned()));
        }
        let Some(header) = input.first_chunk::<HEADER_LEN>() else {
            return Ok(false);
        };
        let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if !(1..=FORMAT_VERSION).contains(&version) {
            return Err(self.bad(format!(
                "it has format {version}, and this version reads format {FORMAT_VERSION} and those before"
            )));
        }
        self.version = version;
        self.chain = Some(Chain::after_header(header));
        self.consumed += HEADER_LEN;
        Ok(true)
    }

    fn unpack(&mut self, payload: std::ops::Range<usize>, unpacked_len: usize) -> Result<()> {
        self.records.drain(..self.parsed);
        self.parsed = 0;
        if self.records.is_empty() {
            // A single large entry must not hold its memory to the end.
            self.records.shrink_to(2 * MAX_FRAME_BYTES);
        }
        let payload = &self.input[self.consumed..][payload];
        if payload.len() == unpacked_len {
            self.records.extend_from_slice(payload);
            return Ok(());
        }
        let start = self.records.len();
        self.records.resize(start + unpacked_len, 0);
        let unpacked = self
            .decompressor
            .decompress_to_buffer(payload, &mut self.records[start..]);
        match unpacked {
            Ok(length) if length == unpacked_len => Ok(()),
            _ => Err(self.bad("a frame that does not unpack".to_owned())),
        }
    }

    fn end(&mut self, payload: std::ops::Range<usize>) -> Result<()> {
        let payload = &self.input[self.consumed..][payload];
        let (records, record_bytes) = payload.split_at(END_LEN / 2);
        let agrees = self.parsed == self.records.len()
            && records == self.seen.records.to_le_bytes()
            && record_bytes == self.seen.record_bytes.to_le_bytes();
        if !agrees {
            return Err(self.bad("counts that do not match its entries".to_owned()));
        }
        self.ended = true;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.offset + self.consumed as u64
    }

    fn bad(&self, problem: String) -> Error {
        bad(self.position(), problem)
    }
}

fn bad(offset: u64, problem: String) -> Error {
    Error::BadDump { offset, problem }
}

/// The head of a frame.
struct Frame {
    kind: FrameKind,
    payload_len: usize,
    unpacked_len: usize,
}

impl Frame {
    /// Lengths are checked here, before anything is allocated or waited for.
    fn parse(head: &[u8; FRAME_HEAD_LEN]) -> std::result::Result<Self, &'static str> {
        let kind = FrameKind::from_byte(head[0]).ok_or("a frame of an unknown kind")?;
        let lengths = [
            [head[1], head[2], head[3], head[4]],
            [head[5], head[6], head[7], head[8]],
        ];
        let [payload_len, unpacked_len] =
            lengths.map(|length| usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX));
        let is_bounded = match kind {
            FrameKind::Records => {
                (1..=MAX_FRAME_BYTES).contains(&unpacked_len)
                    && (1..=unpacked_len).contains(&payload_len)
            }
            FrameKind::End => payload_len == END_LEN && unpacked_len == END_LEN,
        };
        if !is_bounded {
            return Err("a frame of an impossible length");
        }
        Ok(Self {
            kind,
            payload_len,
            unpacked_len,
        })
    }
}
