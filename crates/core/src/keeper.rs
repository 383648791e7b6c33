//! The one native thread of the process. It ticks the clocks of the stores that are in use and frees
//! what has expired in native ones, a bounded amount a tick; when no store is in use it sleeps.

use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::library;

const TICK: Duration = Duration::from_millis(1);

/// A store that fell asleep is looked at once more after this: work may have come as it did.
pub(crate) const SECOND_LOOK: Duration = Duration::from_millis(100);

/// When a store wants the keeper next. One that sleeps registers anew when it wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attention {
    /// With the next tick: it is awake.
    NextTick,
    /// It sleeps, and wants to be looked at after this.
    After(Duration),
    /// It sleeps and has nothing to do, or it is closed.
    Never,
}

/// What the keeper keeps.
pub(crate) trait Kept: Send + Sync {
    /// Moves the clock on.
    fn tick(&self);
    /// Does a bounded amount of what waits.
    fn work(&self) -> Attention;
    /// Does what has come due while the store slept, unless it has woken since.
    fn look_again(&self) -> Attention;
}

struct Keeper {
    arrivals: Mutex<Vec<Weak<dyn Kept>>>,
    thread: Thread,
}

static KEEPER: OnceLock<Keeper> = OnceLock::new();

/// Puts a store that woke on the keeper's list.
pub(crate) fn keep(store: Weak<dyn Kept>) {
    let keeper = KEEPER.get_or_init(start);
    keeper.arrivals.lock().push(store);
    keeper.thread.unpark();
}

fn start() -> Keeper {
    // Node unloads an addon with the last environment that loaded it; this thread must not lose the
    // ground that it runs on.
    library::pin();
    let handle = thread::Builder::new()
        .name("granary-keeper".to_owned())
        .spawn(run)
        .expect("the operating system refuses one thread");
    Keeper {
        arrivals: Mutex::new(Vec::new()),
        thread: handle.thread().clone(),
    }
}

fn run() {
    let keeper = KEEPER.wait();
    let mut rota = Rota::default();
    loop {
        rota.awake.append(&mut keeper.arrivals.lock());
        match rota.round() {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
}

/// Whom the keeper serves next.
#[derive(Default)]
struct Rota {
    awake: Vec<Weak<dyn Kept>>,
    /// Who sleeps, each once, and when to look at it.
    dozing: Vec<(Instant, Weak<dyn Kept>)>,
}

impl Rota {
    /// Serves everybody once; returns when to come again, or nothing where nobody is left.
    fn round(&mut self) -> Option<Duration> {
        let stores: Vec<Arc<dyn Kept>> = self.awake.iter().filter_map(Weak::upgrade).collect();
        self.awake.clear();
        let mut ticked_at: Option<Instant> = None;
        for store in &stores {
            // The work of some stores must not hold up the clocks of the others.
            if ticked_at.is_none_or(|at| at.elapsed() >= TICK) {
                for store in &stores {
                    store.tick();
                }
                ticked_at = Some(Instant::now());
            }
            let attention = store.work();
            self.attend(store, attention);
        }
        drop(stores);
        let now = Instant::now();
        let due = self.dozing.extract_if(.., |(due, _)| *due <= now);
        for (_, store) in due.collect::<Vec<_>>() {
            if let Some(store) = store.upgrade() {
                let attention = store.look_again();
                self.attend(&store, attention);
            }
        }
        if !self.awake.is_empty() {
            return Some(TICK);
        }
        let due = self.dozing.iter().map(|&(due, _)| due).min()?;
        Some(due.saturating_duration_since(now))
    }

    fn attend(&mut self, store: &Arc<dyn Kept>, attention: Attention) {
        let store = Arc::downgrade(store);
        match attention {
            Attention::NextTick => self.awake.push(store),
            Attention::After(wait) => {
                // It may have slept before, with another date.
                self.dozing.retain(|(_, other)| !other.ptr_eq(&store));
                self.dozing.push((Instant::now() + wait, store));
            }
            Attention::Never => {}
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Attention, Kept, Rota, SECOND_LOOK};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Weak};
    use std::thread;

    /// Counts what the keeper does with it.
    struct Store {
        /// Whether it has work for ever, or falls asleep in each round.
        busy: bool,
        ticks: AtomicUsize,
        looks: AtomicUsize,
    }

    impl Store {
        fn new(busy: bool) -> Arc<Self> {
            let (ticks, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
            Arc::new(Self { busy, ticks, looks })
        }

        fn of(self: &Arc<Self>) -> Weak<dyn Kept> {
            let kept: Arc<dyn Kept> = Arc::clone(self) as Arc<dyn Kept>;
            Arc::downgrade(&kept)
        }
    }

    impl Rota {
        fn of(awake: Vec<Weak<dyn Kept>>) -> Self {
            Self {
                awake,
                dozing: Vec::new(),
            }
        }
    }

    impl Kept for Store {
        fn tick(&self) {
            self.ticks.fetch_add(1, Ordering::Relaxed);
        }

        fn work(&self) -> Attention {
            if self.busy {
                Attention::NextTick
            } else {
                Attention::After(SECOND_LOOK)
            }
        }

        fn look_again(&self) -> Attention {
            self.looks.fetch_add(1, Ordering::Relaxed);
            Attention::Never
        }
    }

    mod req_hazard_4 {
        use super::*;

        #[test]
        fn who_fell_asleep_is_looked_at_again_while_others_stay_awake() {
            let (busy, sleepy) = (Store::new(true), Store::new(false));
            let mut rota = Rota::of(vec![busy.of(), sleepy.of()]);
            rota.round();
            assert_eq!(sleepy.looks.load(Ordering::Relaxed), 0);
            thread::sleep(SECOND_LOOK);
            rota.round();
            assert_eq!(sleepy.looks.load(Ordering::Relaxed), 1);
            assert_eq!(Arc::weak_count(&sleepy), 0, "nothing of it is kept");
            assert_eq!((rota.awake.len(), rota.dozing.len()), (1, 0));
        }
    }

    #[test]
    fn clocks_tick_by_time_and_not_by_the_number_of_stores() {
        let stores: Vec<_> = (0..500).map(|_| Store::new(true)).collect();
        let mut rota = Rota::of(stores.iter().map(Store::of).collect());
        let began = std::time::Instant::now();
        rota.round();
        let rounds = usize::try_from(began.elapsed().as_millis()).unwrap_or(usize::MAX) + 1;
        let ticks = stores[0].ticks.load(Ordering::Relaxed);
        assert!((1..=rounds).contains(&ticks), "{ticks} in {rounds} ms");
    }

    #[test]
    fn nobody_left_lets_the_keeper_sleep() {
        let store = Store::new(true);
        let mut rota = Rota::of(vec![store.of()]);
        assert!(rota.round().is_some());
        drop(store);
        assert_eq!(rota.round(), None);
    }
}
