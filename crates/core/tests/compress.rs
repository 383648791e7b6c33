//! Single values, compressed and inflated within a bound.
#![cfg(not(loom))]

use granary_core::compress::{compress, inflate};
use proptest::prelude::*;

mod req_tier_inflate_bound {
    use super::*;

    #[test]
    fn a_frame_that_tells_more_than_the_bound_is_refused() {
        let frame = compress(&vec![0; 1_000_000]).unwrap();
        assert!(frame.len() < 1_000, "a bomb: {} bytes", frame.len());
        assert_eq!(inflate(&frame, 1_000_000).unwrap().len(), 1_000_000);
        assert_eq!(inflate(&frame, 999_999), None);
    }

    #[test]
    fn frames_after_the_first_do_not_pass_the_bound() {
        let mut frames = compress(b"a").unwrap();
        frames.extend(compress(&vec![0; 1_000_000]).unwrap());
        assert_eq!(inflate(&frames, 1_000), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..5_000)) {
            let frame = compress(&bytes).unwrap();
            prop_assert_eq!(inflate(&frame, bytes.len()), Some(bytes));
        }

        #[test]
        fn nonsense_is_no_value(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inflate(&bytes, 10_000);
        }

        #[test]
        fn a_frame_that_is_cut_is_no_value(length in 1_usize..2_000, cut in 1_usize..10) {
            let frame = compress(&vec![7; length]).unwrap();
            prop_assert_eq!(inflate(&frame[..frame.len() - cut.min(frame.len())], 10_000), None);
        }
    }
}
