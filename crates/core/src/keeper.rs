//! The one native thread of the process. It ticks the clocks of the stores that are in use and works
//! through their rings, a bounded amount a tick; when no store is in use it sleeps.

use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;

use crate::pin;

const TICK: Duration = Duration::from_millis(1);

/// A store that fell asleep is looked at once more after this: work may have come as it did.
const SECOND_LOOK: Duration = Duration::from_millis(100);

/// Stores worked on between two rounds of ticks.
const CLOCKS_EVERY: usize = 2;

/// What the keeper keeps.
pub(crate) trait Kept: Send + Sync {
    /// Moves the clock on.
    fn tick(&self);
    /// Does a bounded amount of what waits; returns false where the store has fallen asleep or is
    /// closed. A sleeping store registers anew when it wakes.
    fn work(&self) -> bool;
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
    pin::pin_library();
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
    let mut awake: Vec<Weak<dyn Kept>> = Vec::new();
    let mut dozing: Vec<Weak<dyn Kept>> = Vec::new();
    loop {
        awake.append(&mut keeper.arrivals.lock());
        let stores: Vec<Arc<dyn Kept>> = awake.iter().filter_map(Weak::upgrade).collect();
        awake.clear();
        for (at, store) in stores.iter().enumerate() {
            // One store's work must not hold up the clocks of the others.
            if at % CLOCKS_EVERY == 0 {
                for store in &stores {
                    store.tick();
                }
            }
            let list = if store.work() {
                &mut awake
            } else {
                &mut dozing
            };
            list.push(Arc::downgrade(store));
        }
        drop(stores);
        if !awake.is_empty() {
            thread::park_timeout(TICK);
        } else if dozing.is_empty() {
            thread::park();
        } else {
            thread::park_timeout(SECOND_LOOK);
            for store in dozing.drain(..).filter_map(|store| store.upgrade()) {
                store.work();
            }
        }
    }
}
