//! Trees of processes, looked at again and again by a thread of its own; what they use is published in a
//! block of memory that JS reads without a call.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::platform::{self, TreeCache};
use crate::library;
use crate::{Error, Result};

/// Where each word of a block stands, in words of 64 bits; `src/governor/tree-watch.ts` has the same numbers.
pub mod at {
    /// Odd while the rest is being written.
    pub const VERSION: usize = 0;
    /// The core writes a number here after the block was mapped …
    pub const NONCE: usize = 1;
    /// … and JS its complement there: both sides see one memory.
    pub const NONCE_ECHO: usize = 2;
    /// How often all of it was looked at; 0 before the first time.
    pub const LOOKS: usize = 3;
    /// 1 when the process is there no more.
    pub const IS_GONE: usize = 4;
    /// Resident bytes of the process.
    pub const RSS: usize = 5;
    /// Resident bytes of its descendants.
    pub const DESCENDANTS_RSS: usize = 6;
    /// CPU time of the process, in ms.
    pub const CPU: usize = 7;
    /// CPU time of the children that it has waited for, in ms.
    pub const WAITED_CPU: usize = 8;
    /// CPU time of the descendants that run, in ms.
    pub const DESCENDANTS_CPU: usize = 9;
    /// How many descendants run.
    pub const DESCENDANTS: usize = 10;
    /// How many descriptors are open, network sockets not among them.
    pub const FILES: usize = 11;
    /// How many network sockets are open.
    pub const SOCKETS: usize = 12;
    /// Their numbers, as far as there is room.
    pub const FILE_IDS: usize = 16;
    /// Their inodes, as far as there is room.
    pub const SOCKET_IDS: usize = FILE_IDS + super::MOST_IDS;
    /// Words of the block.
    pub const END: usize = SOCKET_IDS + super::MOST_IDS;
}

/// Numbers of descriptors and of sockets that a block has room for; their count goes on.
pub const MOST_IDS: usize = 512;

/// How often all are looked at.
const INTERVAL: Duration = Duration::from_millis(50);
/// Of more than so many, each is looked at half as often.
const MANY: usize = 8;

/// What a tree uses that takes two files a process to know.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux tells")
)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QuickFigures {
    pub rss_bytes: u64,
    pub descendants_rss_bytes: u64,
    pub cpu_ms: f64,
    pub waited_cpu_ms: f64,
    pub descendants_cpu_ms: f64,
    pub descendants: usize,
}

/// What a tree has open.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux tells")
)]
#[derive(Debug, Clone, Default)]
pub(super) struct OpenHandles {
    pub files: Vec<u32>,
    pub sockets: Vec<u64>,
}

/// The memory that both sides share; its address never changes.
#[derive(Debug)]
pub struct WatchBlock {
    words: Box<[AtomicU64]>,
    /// Both kinds of looks write.
    writing: Mutex<()>,
}

impl WatchBlock {
    fn new() -> Self {
        Self {
            words: (0..at::END).map(|_| AtomicU64::new(0)).collect(),
            writing: Mutex::new(()),
        }
    }

    /// One word.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicU64 {
        &self.words[at]
    }

    /// Where the block lies, for the mapping into JS.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.words.as_ptr().cast()
    }

    /// Bytes of the block.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// A reader that sees an odd version, or another one after than before, reads again.
    fn write(&self, write: impl FnOnce(&dyn Fn(usize, f64))) {
        let _writing = self.writing.lock();
        let version = self.word(at::VERSION);
        version.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        write(&|at, value| self.word(at).store(value.to_bits(), Ordering::Relaxed));
        version.fetch_add(1, Ordering::Release);
    }
}

/// One tree of processes that is looked at until it is closed or dropped.
#[derive(Debug)]
pub struct TreeWatch {
    pid: u32,
    started_ms: f64,
    /// What was open before, and is not counted.
    before: HandlesBefore,
    block: Arc<WatchBlock>,
    is_closed: AtomicBool,
    /// As found by the last look at all.
    descendants: Mutex<Arc<[u32]>>,
    /// Held for as long as such a look takes.
    cache: Mutex<TreeCache>,
}

/// Handles that are not counted.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux tells")
)]
#[derive(Debug, Default)]
pub(super) struct HandlesBefore {
    pub files: HashSet<u32>,
    pub sockets: HashSet<u64>,
}

impl TreeWatch {
    /// Begins to watch a process; what it has open now is not counted with `from_now`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is no such process, or the platform does not tell.
    pub fn begin(pid: u32, from_now: bool) -> Result<Arc<Self>> {
        let Some((started_ms, before)) = platform::begin_watch(pid, from_now)? else {
            return Err(Error::Unsupported(format!("there is no process {pid}")));
        };
        let watch = Arc::new(Self {
            pid,
            started_ms,
            before,
            block: Arc::new(WatchBlock::new()),
            is_closed: AtomicBool::new(false),
            descendants: Mutex::new(Arc::default()),
            cache: Mutex::new(TreeCache::default()),
        });
        watch.look_quickly();
        Watcher::add(&watch);
        Ok(watch)
    }

    /// The memory that both sides share.
    #[must_use]
    pub fn block(&self) -> &Arc<WatchBlock> {
        &self.block
    }

    /// Looks at memory and CPU time alone: some 20 µs for each process of the tree.
    pub fn look_quickly(&self) {
        let known = Arc::clone(&self.descendants.lock());
        let figures = platform::quick_figures(self.pid, self.started_ms, &known);
        self.block.write(|put| put_quick(put, figures));
    }

    /// Looks at all of it: longer with each descriptor.
    pub fn look(&self) {
        if self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        let mut cache = self.cache.lock();
        let known = Arc::clone(&self.descendants.lock());
        // Who has not run has opened, closed and started nothing.
        if platform::have_rested(self.pid, &known, &mut cache) {
            return self.block.write(|put| self.count_look(put));
        }
        let descendants: Arc<[u32]> = platform::descendants(self.pid).into();
        *self.descendants.lock() = Arc::clone(&descendants);
        let tree = platform::Tree {
            pid: self.pid,
            started_ms: self.started_ms,
            descendants: &descendants,
        };
        let open = platform::open_handles(&tree, &self.before, &mut cache);
        let figures = platform::quick_figures(self.pid, self.started_ms, &descendants);
        self.block.write(|put| {
            put_quick(put, figures);
            if let Some(open) = open {
                put_open(put, &open);
            }
            self.count_look(put);
        });
    }

    fn count_look(&self, put: &dyn Fn(usize, f64)) {
        let looks = self.block.word(at::LOOKS).load(Ordering::Relaxed);
        put(at::LOOKS, f64::from_bits(looks) + 1.0);
    }

    /// Nothing is looked at any more; the memory stays while it is mapped.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "no memory has 2^53 bytes")]
fn put_quick(put: &dyn Fn(usize, f64), figures: Option<QuickFigures>) {
    let Some(figures) = figures else {
        return put(at::IS_GONE, 1.0);
    };
    put(at::RSS, figures.rss_bytes as f64);
    put(at::DESCENDANTS_RSS, figures.descendants_rss_bytes as f64);
    put(at::CPU, figures.cpu_ms);
    put(at::WAITED_CPU, figures.waited_cpu_ms);
    put(at::DESCENDANTS_CPU, figures.descendants_cpu_ms);
    put(at::DESCENDANTS, figures.descendants as f64);
}

#[expect(clippy::cast_precision_loss, reason = "inodes of sockets are small")]
fn put_open(put: &dyn Fn(usize, f64), OpenHandles { files, sockets }: &OpenHandles) {
    put(at::FILES, files.len() as f64);
    put(at::SOCKETS, sockets.len() as f64);
    for (index, &fd) in files.iter().take(MOST_IDS).enumerate() {
        put(at::FILE_IDS + index, f64::from(fd));
    }
    for (index, &inode) in sockets.iter().take(MOST_IDS).enumerate() {
        put(at::SOCKET_IDS + index, inode as f64);
    }
}

/// The thread that looks, while there is something to look at.
struct Watcher {
    watches: Mutex<(Vec<Weak<TreeWatch>>, bool)>,
}

static WATCHER: Watcher = Watcher {
    watches: Mutex::new((Vec::new(), false)),
};

impl Watcher {
    fn add(watch: &Arc<TreeWatch>) {
        let mut watches = WATCHER.watches.lock();
        watches.0.push(Arc::downgrade(watch));
        if watches.1 {
            return;
        }
        // An addon whose last environment ends is unloaded, under whatever runs in it.
        library::pin();
        let spawned = std::thread::Builder::new()
            .name("granary-watch".to_owned())
            .spawn(|| WATCHER.run());
        // Without a thread what is looked at quickly is known all the same.
        watches.1 = spawned.is_ok();
    }

    fn run(&self) {
        loop {
            let begun = Instant::now();
            let live = {
                let mut watches = self.watches.lock();
                watches.0.retain(|watch| {
                    watch
                        .upgrade()
                        .is_some_and(|watch| !watch.is_closed.load(Ordering::Relaxed))
                });
                if watches.0.is_empty() {
                    watches.1 = false;
                    return;
                }
                watches
                    .0
                    .iter()
                    .filter_map(Weak::upgrade)
                    .collect::<Vec<_>>()
            };
            for watch in &live {
                watch.look();
            }
            let interval = if live.len() > MANY {
                2 * INTERVAL
            } else {
                INTERVAL
            };
            // What it holds may be the last of a watch.
            drop(live);
            // However long it takes to look, half of the time is left to others.
            let pause = interval
                .saturating_sub(begun.elapsed())
                .max(begun.elapsed());
            std::thread::sleep(pause.max(Duration::from_millis(5)));
        }
    }
}
