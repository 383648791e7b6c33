//! Single-producer, single-consumer rings over shared words. One side of each is JS.

use crate::sync::{AtomicI32, Ordering};

/// A ring of records of `W` words each that loses nothing: a full ring refuses.
///
/// Head and tail count records since the start and wrap; their difference is what waits.
pub struct Ring<'a, const W: usize> {
    head: &'a AtomicI32,
    tail: &'a AtomicI32,
    words: &'a [AtomicI32],
}

impl<'a, const W: usize> Ring<'a, W> {
    /// Lays a ring over `words`, whose length is `W` times a power of two, or 0.
    #[must_use]
    pub fn new(head: &'a AtomicI32, tail: &'a AtomicI32, words: &'a [AtomicI32]) -> Self {
        Self { head, tail, words }
    }

    /// Producer: writes a record. Returns false where the ring is full.
    #[must_use]
    pub fn push(&self, record: [i32; W]) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        // Acquire: the consumer has read the words that are about to be overwritten.
        let waiting = head.wrapping_sub(self.tail.load(Ordering::Acquire));
        if waiting.cast_unsigned() as usize >= self.capacity() {
            return false;
        }
        let at = self.place(head);
        for (word, value) in self.words[at..at + W].iter().zip(record) {
            word.store(value, Ordering::Relaxed);
        }
        // Release: whoever sees the new head sees the record.
        self.head.store(head.wrapping_add(1), Ordering::Release);
        true
    }

    /// Consumer: takes the oldest record.
    #[must_use]
    pub fn pop(&self) -> Option<[i32; W]> {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head.load(Ordering::Acquire) {
            return None;
        }
        let at = self.place(tail);
        let mut record = [0; W];
        for (value, word) in record.iter_mut().zip(&self.words[at..at + W]) {
            *value = word.load(Ordering::Relaxed);
        }
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Some(record)
    }

    /// Consumer: drops everything that waits.
    pub fn skip(&self) {
        let head = self.head.load(Ordering::Acquire);
        self.tail.store(head, Ordering::Release);
    }

    /// Whether nothing waits. Sequentially consistent: the keeper asks after it has published that
    /// it sleeps.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::SeqCst) == self.tail.load(Ordering::SeqCst)
    }

    fn capacity(&self) -> usize {
        self.words.len() / W
    }

    fn place(&self, count: i32) -> usize {
        (count.cast_unsigned() as usize & (self.capacity() - 1)) * W
    }
}

/// A ring that overwrites what was not read in time: losing some accesses of a flood costs nothing.
pub struct AccessRing<'a> {
    head: &'a AtomicI32,
    words: &'a [AtomicI32],
}

impl<'a> AccessRing<'a> {
    /// Lays a ring over `words`, whose length is a power of two, or 0.
    #[must_use]
    pub fn new(head: &'a AtomicI32, words: &'a [AtomicI32]) -> Self {
        Self { head, words }
    }

    /// How many records were ever written, wrapping.
    #[must_use]
    pub fn head(&self) -> i32 {
        self.head.load(Ordering::Acquire)
    }

    /// Takes the next record after `read`, or none; skips what was overwritten.
    #[must_use]
    pub fn take(&self, read: &mut i32) -> Option<i32> {
        let head = self.head();
        let waiting = head.wrapping_sub(*read).cast_unsigned() as usize;
        if waiting == 0 || self.words.is_empty() {
            return None;
        }
        if waiting > self.words.len() {
            let kept = i32::try_from(self.words.len()).unwrap_or(i32::MAX);
            *read = head.wrapping_sub(kept);
        }
        let at = read.cast_unsigned() as usize & (self.words.len() - 1);
        *read = read.wrapping_add(1);
        Some(self.words[at].load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{AccessRing, Ring};
    use crate::sync::{AtomicI32, Ordering};
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn words(count: usize) -> Vec<AtomicI32> {
        (0..count).map(|_| AtomicI32::new(0)).collect()
    }

    proptest! {
        #[test]
        fn ring_is_a_bounded_queue(start in any::<i32>(), steps in prop::collection::vec(any::<Option<i32>>(), 0..200)) {
            let (head, tail) = (AtomicI32::new(start), AtomicI32::new(start));
            let memory = words(8);
            let ring = Ring::<2>::new(&head, &tail, &memory);
            let mut model = VecDeque::new();
            for step in steps {
                if let Some(value) = step {
                    let pushed = ring.push([value, !value]);
                    prop_assert_eq!(pushed, model.len() < 4);
                    if pushed {
                        model.push_back([value, !value]);
                    }
                } else {
                    prop_assert_eq!(ring.pop(), model.pop_front());
                }
                prop_assert_eq!(ring.is_empty(), model.is_empty());
            }
        }

        #[test]
        fn access_ring_keeps_the_newest(start in any::<i32>(), count in 0..40i32) {
            let head = AtomicI32::new(start);
            let memory = words(8);
            for n in 0..count {
                let at = start.wrapping_add(n).cast_unsigned() as usize & 7;
                memory[at].store(n, Ordering::Relaxed);
                head.store(start.wrapping_add(n + 1), Ordering::Relaxed);
            }
            let ring = AccessRing::new(&head, &memory);
            let mut read = start;
            let taken: Vec<i32> = std::iter::from_fn(|| ring.take(&mut read)).collect();
            let expected: Vec<i32> = ((count - 8).max(0)..count).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}

/// Every order in which two threads can interleave; run by `npm run test:deep`.
#[cfg(all(test, loom))]
mod model {
    use super::Ring;
    use crate::sync::AtomicI32;
    use loom::sync::Arc;
    use loom::thread;

    /// A ring of two records of two words each.
    struct Memory {
        head: AtomicI32,
        tail: AtomicI32,
        words: Vec<AtomicI32>,
    }

    impl Memory {
        /// `start` is where head and tail begin, to pass the end of what they count.
        fn new(start: i32) -> Arc<Self> {
            Arc::new(Self {
                head: AtomicI32::new(start),
                tail: AtomicI32::new(start),
                words: (0..4).map(|_| AtomicI32::new(0)).collect(),
            })
        }

        fn ring(&self) -> Ring<'_, 2> {
            Ring::new(&self.head, &self.tail, &self.words)
        }
    }

    mod req_deep_rings {
        use super::*;

        // The consumer is the thread that is spawned: loom keeps the last access to each word only,
        // and the producer reads the head before it writes it.
        #[test]
        fn records_arrive_whole_once_and_in_order() {
            loom::model(|| {
                let memory = Memory::new(i32::MAX);
                let consumer = {
                    let memory = Arc::clone(&memory);
                    thread::spawn(move || [take(&memory), take(&memory)])
                };
                let ring = memory.ring();
                let pushed: Vec<i32> = (1..=3).filter(|&n| ring.push([n, -n])).collect();
                let early = consumer.join().unwrap();
                let late = std::iter::from_fn(|| take(&memory));
                let taken: Vec<i32> = early.into_iter().flatten().chain(late).collect();
                assert_eq!(taken, pushed, "lost, doubled or out of order");
                assert!(ring.is_empty());
            });
        }

        #[test]
        fn what_was_skipped_does_not_come_back() {
            loom::model(|| {
                let memory = Memory::new(0);
                assert!(memory.ring().push([1, -1]));
                let consumer = {
                    let memory = Arc::clone(&memory);
                    thread::spawn(move || memory.ring().skip())
                };
                assert!(memory.ring().push([2, -2]));
                consumer.join().unwrap();
                let left: Vec<i32> = std::iter::from_fn(|| take(&memory)).collect();
                assert!(left.is_empty() || left == [2], "{left:?}");
            });
        }

        fn take(memory: &Memory) -> Option<i32> {
            let [value, complement] = memory.ring().pop()?;
            assert_eq!(complement, -value, "a torn record");
            Some(value)
        }
    }
}
