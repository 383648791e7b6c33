//! The clock word against a plain model of it.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicI32, Ordering};

use granary_core::clock::{ASLEEP, ClockWord};
use proptest::prelude::*;

/// What happens to a clock. Times are whole, as those of `now_ms`.
#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    /// By a keeper whose look at the time is this old.
    Tick {
        lag: i64,
    },
    Wake,
    Sleep,
    FallAsleep {
        has_work: bool,
    },
    /// Moves the origin up by a part of what the clock reads.
    Rebase {
        part: f64,
    },
}

/// The same in integers that cannot overflow, and sleep as a state.
struct Model {
    origin: i64,
    now: i64,
    /// What was published last; none while asleep.
    word: Option<i64>,
}

impl Model {
    fn reading(&self, lag: i64) -> i64 {
        (self.now - lag - self.origin).clamp(0, i64::from(ASLEEP) - 1)
    }

    fn tick(&mut self, lag: i64) {
        self.word = self.word.map(|word| word.max(self.reading(lag)));
    }

    fn wake(&mut self) -> i64 {
        let woken = self.word.unwrap_or(0).max(self.reading(0));
        self.word = Some(woken);
        woken
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop_oneof![0..3_i64, 0..100_000_i64, 0..1_i64 << 31].prop_map(Step::Pass),
        4 => (0..5_i64).prop_map(|lag| Step::Tick { lag }),
        2 => Just(Step::Wake),
        1 => Just(Step::Sleep),
        2 => any::<bool>().prop_map(|has_work| Step::FallAsleep { has_work }),
        1 => (0.0..=1.0).prop_map(|part| Step::Rebase { part }),
    ];
    prop::collection::vec(step, 0..100)
}

fn starts() -> impl Strategy<Value = i64> {
    let last = i64::from(ASLEEP) - 1;
    prop_oneof![Just(0), Just(1 << 30), Just(last - 5), 0..last]
}

#[expect(clippy::cast_precision_loss, reason = "times stay far below 2^53")]
fn ms(time: i64) -> f64 {
    time as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a part of an i32"
)]
fn whole_part(reading: i64, part: f64) -> i64 {
    (reading as f64 * part) as i64
}

mod req_clock_model {
    use super::*;

    proptest! {
        #[test]
        fn the_word_agrees_with_a_plain_model(
            began in 0..1_i64 << 40,
            start in starts(),
            steps in steps(),
        ) {
            let mut clock = ClockWord::new(ms(began), ms(start));
            let word = AtomicI32::new(ASLEEP);
            let mut model = Model { origin: began - start, now: began, word: None };
            for step in steps {
                let before = model.word;
                match step {
                    Step::Pass(time) => model.now += time,
                    Step::Tick { lag } => {
                        clock.tick(&word, ms(model.now - lag));
                        model.tick(lag);
                    }
                    Step::Wake => {
                        let woken = clock.wake(&word, ms(model.now));
                        prop_assert_eq!(i64::from(woken), model.wake());
                    }
                    Step::Sleep => {
                        ClockWord::sleep(&word);
                        model.word = None;
                    }
                    Step::FallAsleep { has_work } => {
                        let mut seen = None;
                        let sleeps = clock.fall_asleep(&word, ms(model.now), || {
                            seen = Some(word.load(Ordering::SeqCst));
                            has_work
                        });
                        prop_assert_eq!(seen, Some(ASLEEP), "looks before it says so");
                        prop_assert_eq!(sleeps, !has_work);
                        model.word = has_work.then(|| model.reading(0));
                    }
                    Step::Rebase { part } => {
                        let delta = whole_part(model.reading(0), part);
                        clock.rebase(&word, ms(model.now), ms(delta));
                        model.origin += delta;
                        model.word = Some(model.reading(0));
                    }
                }
                let expected = model.word.unwrap_or(i64::from(ASLEEP));
                prop_assert_eq!(i64::from(word.load(Ordering::Relaxed)), expected);
                if let (Some(before), Some(after)) = (before, model.word) {
                    let moved_up = matches!(step, Step::Rebase { .. });
                    prop_assert!(moved_up || before <= after, "went back");
                }
            }
        }
    }
}
