//! Dumps come back as they were written, or not at all.
#![cfg(not(loom))]

use granary_core::Error;
use granary_core::dump::{FORMAT_VERSION, MAX_RECORD_BYTES, Reader, Record, Summary, Writer};
use proptest::prelude::*;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    kind: u8,
    value: Vec<u8>,
    weight_bytes: u64,
    times: [f64; 4],
    access_count: u64,
    tags: Vec<String>,
    validator: Option<String>,
    stale_ttl_ms: f64,
}

impl Entry {
    fn plain(key: &str, value: Vec<u8>) -> Self {
        Self {
            key: key.to_owned(),
            kind: 2,
            value,
            weight_bytes: 1,
            times: [900_000.0, 0.0, 1.7e12, 1.7e12],
            access_count: 0,
            tags: vec![],
            validator: None,
            stale_ttl_ms: 0.0,
        }
    }

    fn record(&self) -> Record<'_> {
        let [ttl_ms, idle_ttl_ms, created_at_ms, last_accessed_at_ms] = self.times;
        Record {
            key: &self.key,
            kind: self.kind,
            value: &self.value,
            weight_bytes: self.weight_bytes,
            ttl_ms,
            idle_ttl_ms,
            created_at_ms,
            last_accessed_at_ms,
            access_count: self.access_count,
            tags: self.tags.iter().map(String::as_str).collect(),
            validator: self.validator.as_deref(),
            stale_ttl_ms: self.stale_ttl_ms,
        }
    }

    fn of(record: &Record<'_>) -> Self {
        Self {
            key: record.key.to_owned(),
            kind: record.kind,
            value: record.value.to_vec(),
            weight_bytes: record.weight_bytes,
            times: [
                record.ttl_ms,
                record.idle_ttl_ms,
                record.created_at_ms,
                record.last_accessed_at_ms,
            ],
            access_count: record.access_count,
            tags: record.tags.iter().map(|&tag| tag.to_owned()).collect(),
            validator: record.validator.map(ToOwned::to_owned),
            stale_ttl_ms: record.stale_ttl_ms,
        }
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let ms = || prop_oneof![Just(0.0), 0.0..1e13_f64];
    let value = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..300),
        // Longer than a frame, and well compressed.
        1 => (any::<u8>(), 250_000..600_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (
        "\\PC{1,20}",
        value,
        0..1_u64 << 53,
        [ms(), ms(), ms(), ms()],
        0..1_u64 << 53,
        prop::collection::vec("\\PC{1,5}", 0..4),
        prop_oneof![Just(1_u8), Just(2), Just(3), Just(5)],
        prop::option::of(("\\PC{1,20}", 0.0..1e11_f64)),
    )
        .prop_map(
            |(key, value, weight_bytes, times, access_count, tags, kind, known)| Entry {
                key,
                kind,
                value,
                weight_bytes,
                times,
                access_count,
                tags,
                validator: known.clone().map(|(validator, _)| validator),
                stale_ttl_ms: known.map_or(0.0, |(_, stale_ttl_ms)| stale_ttl_ms),
            },
        )
}

fn dump(entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new().unwrap();
    let mut bytes = vec![];
    for entry in entries {
        writer.push(&entry.record()).unwrap();
        bytes.extend(writer.take_output());
    }
    assert_eq!(writer.finish().records, entries.len() as u64);
    bytes.extend(writer.take_output());
    bytes
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<Entry>, Summary), Error> {
    let mut reader = Reader::new().unwrap();
    let mut entries = vec![];
    for piece in pieces {
        reader.push(piece);
        while let Some(record) = reader.next_record()? {
            entries.push(Entry::of(&record));
        }
    }
    let summary = reader.finish()?;
    Ok((entries, summary))
}

fn problem(bytes: &[u8]) -> String {
    let error = read([bytes]).expect_err("a dump that is to be refused");
    assert_eq!(error.code(), "ERR_GRANARY_BAD_DUMP");
    error.to_string()
}

mod req_dump_round_trip {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn in_pieces_of_any_size(
            entries in prop::collection::vec(entry(), 0..12),
            sizes in prop::collection::vec(1..5_000_usize, 1..20),
        ) {
            let bytes = dump(&entries);
            let mut pieces = vec![];
            let mut rest = &bytes[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = later;
            }
            let (back, summary) = read(pieces).unwrap();
            prop_assert_eq!(summary.records, entries.len() as u64);
            prop_assert_eq!(back, entries);
        }
    }

    #[test]
    fn of_values_larger_than_many_frames_that_do_not_compress() {
        let mut state = 1_u64;
        let value: Vec<u8> = (0..3_000_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_le_bytes()[7]
            })
            .collect();
        let entries = [Entry::plain("a", value), Entry::plain("b", vec![])];
        let bytes = dump(&entries);
        assert!(bytes.len() < 3_001_000, "{} bytes", bytes.len());
        assert_eq!(read(bytes.chunks(64 * 1024)).unwrap().0, entries);
    }

    #[test]
    fn compresses_what_repeats() {
        let entries: Vec<_> = (0..1_000)
            .map(|n| Entry::plain(&format!("file:///notes/{n}.md"), vec![b'x'; 1_000]))
            .collect();
        let bytes = dump(&entries);
        assert!(bytes.len() < 50_000, "{} bytes", bytes.len());
    }
}

mod req_dump_refused {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn with_any_byte_altered_or_missing(
            entries in prop::collection::vec(entry(), 0..6),
            places in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 40),
        ) {
            let bytes = dump(&entries);
            for (place, change) in places {
                let place = place.index(bytes.len());
                let mut altered = bytes.clone();
                altered[place] ^= change;
                prop_assert!(read([&altered[..]]).is_err(), "altered at {}", place);
                prop_assert!(read([&bytes[..place]]).is_err(), "cut at {}", place);
                let mut shorter = bytes.clone();
                shorter.remove(place);
                // Of equal neighbours either may be missing: the rest is what it was, but shorter.
                prop_assert!(read([&shorter[..]]).is_err(), "without {}", place);
            }
        }

        #[test]
        fn of_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read([&bytes[..]]).is_err());
            let behind_header = [&dump(&[])[..12], &bytes[..]].concat();
            prop_assert!(read([&behind_header[..]]).is_err());
        }
    }

    #[test]
    fn with_every_bit_of_a_small_one_altered() {
        let bytes = dump(&[Entry::plain("key", b"some value".to_vec())]);
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(read([&altered[..]]).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn with_frames_out_of_place() {
        // Three frames of one length, none compressed.
        let entries: Vec<_> = (0..3_u8)
            .map(|n| Entry::plain("k", (0..262_144 - 62).map(|at: u32| noise(n, at)).collect()))
            .collect();
        let bytes = dump(&entries);
        let frame = 9 + 262_144 + 8;
        let (header, frames) = bytes.split_at(12);
        let (first, rest) = frames.split_at(frame);
        let (second, end) = rest.split_at(frame);
        assert!(read([header, first, second, end]).is_ok());
        assert!(read([header, second, first, end]).is_err());
        assert!(read([header, first, first, end]).is_err());
        assert!(read([header, first, end]).is_err());
        let other = dump(&entries[..1]);
        let other_end = &other[other.len() - 33..];
        assert!(read([header, first, second, other_end]).is_err());
    }

    #[test]
    fn with_anything_behind_its_end() {
        let mut bytes = dump(&[Entry::plain("key", vec![1])]);
        bytes.push(0);
        assert!(problem(&bytes).contains("1 bytes after its end"));
    }

    #[test]
    fn names_both_versions_where_it_is_of_a_later_one() {
        let mut bytes = dump(&[]);
        bytes[8] = 7;
        let text = problem(&bytes);
        assert!(text.contains("format 7") && text.contains(&format!("format {FORMAT_VERSION}")));
    }

    #[test]
    fn says_where_it_ends_too_early() {
        let bytes = dump(&[Entry::plain("key", vec![1])]);
        assert!(problem(&bytes[..40]).contains("ends too early (at byte 40)"));
        assert!(problem(&[]).contains("ends too early (at byte 0)"));
        assert!(problem(b"{\"a\":1}").contains("does not begin"));
    }
}

mod req_dump_earlier_format {
    use super::*;

    /// Three entries as the release before validators wrote them.
    const FORMAT_1: &[u8] = &[
        0x89, 0x47, 0x52, 0x41, 0x4e, 0x41, 0x52, 0x59, 0x01, 0x00, 0x00, 0x00, 0x01, 0x95, 0x00,
        0x00, 0x00, 0xf7, 0x00, 0x00, 0x00, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0xf7, 0x65, 0x04, 0x00,
        0x82, 0x86, 0x18, 0x25, 0xa0, 0x29, 0x8d, 0x01, 0xff, 0x8f, 0xeb, 0xca, 0x7f, 0xfb, 0x88,
        0x99, 0x93, 0xac, 0xfd, 0xed, 0x1f, 0xcd, 0x9d, 0x22, 0xa4, 0xd9, 0x27, 0x88, 0x6b, 0x47,
        0x14, 0x6c, 0xbb, 0x84, 0xf9, 0xf7, 0xa8, 0xec, 0xbd, 0x77, 0x0a, 0x92, 0x43, 0xee, 0xc3,
        0x82, 0x71, 0x14, 0x09, 0x08, 0x18, 0x60, 0xc6, 0x46, 0x22, 0xca, 0x88, 0xb3, 0x8e, 0xe8,
        0xf9, 0x1b, 0xb4, 0x8c, 0x9f, 0xfd, 0xeb, 0x77, 0x4a, 0x2b, 0x8b, 0x35, 0x53, 0x78, 0x6a,
        0x3f, 0xc4, 0x96, 0x42, 0x2c, 0x68, 0x20, 0x6c, 0xfd, 0x83, 0x38, 0x6d, 0x7c, 0xde, 0x83,
        0xd2, 0x4a, 0xee, 0x5f, 0x29, 0xba, 0x5e, 0x26, 0xb7, 0x7f, 0x42, 0x11, 0x00, 0x43, 0x66,
        0x34, 0xc8, 0x24, 0x04, 0x02, 0x00, 0x4e, 0xc0, 0xf0, 0x25, 0xcc, 0x58, 0x3d, 0x18, 0xc2,
        0x03, 0x20, 0x2e, 0xc8, 0x91, 0xaa, 0x81, 0x3b, 0xdd, 0x02, 0x8e, 0x56, 0x1e, 0x80, 0x25,
        0x60, 0x25, 0x09, 0x30, 0x02, 0x32, 0x0e, 0x0c, 0xd0, 0xb1, 0xca, 0xa3, 0x7f, 0x02, 0x10,
        0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xf7, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x77, 0x60, 0xd3, 0x0f, 0x5e, 0xdb, 0x86,
        0x21,
    ];

    #[test]
    fn is_read_without_validators() {
        let (entries, _) = read([FORMAT_1]).unwrap();
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["mem://b", "mem://c", "mem://a"]);
        assert!(entries.iter().all(|entry| entry.validator.is_none()));
        assert_eq!(entries[2].tags, ["red", "blue"]);
        assert_eq!(entries[2].access_count, 1);
    }
}

mod req_dump_hostile {
    use super::*;

    /// A dump whose checksums are right, whatever is in its frames.
    fn forged(frames: &[(u8, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = dump(&[])[..12].to_vec();
        let mut seed = xxh3_64(&bytes);
        for (kind, unpacked_len, payload) in frames {
            let start = bytes.len();
            bytes.push(*kind);
            bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            bytes.extend(unpacked_len.to_le_bytes());
            bytes.extend(*payload);
            seed = xxh3_64_with_seed(&bytes[start..], seed);
            bytes.extend(seed.to_le_bytes());
        }
        bytes
    }

    fn forged_record(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let whole = dump(&[Entry {
            tags: vec!["tag".to_owned()],
            ..Entry::plain("key", vec![7; 9])
        }]);
        // Header and head of the frame take 21 bytes.
        let [payload_len, unpacked_len] = [13, 17].map(|at: usize| usize::from(whole[at]));
        let payload = &whole[21..21 + payload_len];
        let mut record = if payload_len == unpacked_len {
            payload.to_vec()
        } else {
            zstd::bulk::decompress(payload, unpacked_len).unwrap()
        };
        change(&mut record);
        problem(&forged(&[(
            1,
            u32::try_from(record.len()).unwrap(),
            &record,
        )]))
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_held() {
        for lengths in [[u32::MAX, u32::MAX], [1, u32::MAX], [0, 1], [2, 1]] {
            let mut bytes = dump(&[])[..12].to_vec();
            bytes.push(1);
            bytes.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
            assert!(problem(&bytes).contains("impossible length"));
        }
        let huge = u32::try_from(MAX_RECORD_BYTES + 1).unwrap().to_le_bytes();
        let text = problem(&forged(&[(1, 4, &huge)]));
        assert!(text.contains("an entry of 1073741825 bytes"), "{text}");
        assert!(forged_record(|bytes| bytes[57..61].fill(0xff)).contains("more tags than bytes"));
        assert!(forged_record(|bytes| bytes[53..57].fill(0xff)).contains("shorter than its parts"));
    }

    #[test]
    fn a_frame_that_unpacks_to_more_or_less_than_it_says_is_refused() {
        let packed = zstd::bulk::compress(&[0; 1_000], 1).unwrap();
        for unpacked_len in [999, 1_001] {
            let text = problem(&forged(&[(1, unpacked_len, &packed)]));
            assert!(text.contains("does not unpack"), "{text}");
        }
        assert!(problem(&forged(&[(9, 1, &[0])])).contains("unknown kind"));
        assert!(problem(&forged(&[(2, 16, &[1; 16])])).contains("counts"));
        // Half an entry, then the end.
        assert!(problem(&forged(&[(1, 2, &[0; 2]), (2, 16, &[0; 16])])).contains("counts"));
    }

    #[test]
    fn what_no_store_could_hold_is_refused() {
        let with = |at: usize, bytes: [u8; 8]| {
            forged_record(move |record| record[at..at + 8].copy_from_slice(&bytes))
        };
        assert!(with(5, u64::MAX.to_le_bytes()).contains("a count"));
        assert!(with(45, u64::MAX.to_le_bytes()).contains("a count"));
        for at in [13, 21, 29, 37] {
            assert!(with(at, f64::NAN.to_le_bytes()).contains("a time"));
            assert!(with(at, f64::INFINITY.to_le_bytes()).contains("a time"));
        }
        assert!(with(13, (-1.0_f64).to_le_bytes()).contains("a time"));
        assert!(with(61, f64::NAN.to_le_bytes()).contains("a time"));
        assert!(with(61, (-1.0_f64).to_le_bytes()).contains("a time"));
        assert!(forged_record(|record| record[77] = 0xff).contains("not UTF-8"));
        assert!(forged_record(|record| record[73] = 0).contains("empty key or tag"));
        assert!(
            forged_record(|record| {
                record[4] = 0;
                *record.last_mut().unwrap() = 0xff;
            })
            .contains("a text that is not UTF-8")
        );
    }

    #[test]
    fn a_record_too_large_is_not_written_and_leaves_the_dump_whole() {
        let mut writer = Writer::new().unwrap();
        let value = vec![0; MAX_RECORD_BYTES];
        let small = Entry::plain("k", vec![]);
        let record = Record {
            value: &value,
            ..small.record()
        };
        assert_eq!(
            writer.push(&record).unwrap_err().code(),
            "ERR_GRANARY_BAD_OPTION"
        );
        assert_eq!(writer.finish().records, 0);
        assert!(read([&writer.take_output()[..]]).is_ok());
    }
}

fn noise(seed: u8, at: u32) -> u8 {
    let hash = (u64::from(at) << 8 | u64::from(seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash ^ hash >> 29)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .to_le_bytes()[7]
}
