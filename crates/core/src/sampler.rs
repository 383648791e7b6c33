//! What a process uses, as the operating system counts it: memory, CPU time, descriptors, sockets,
//! threads, descendants.
//!
//! One interface for all platforms. What a platform does not tell is `None`, never 0. Nothing here blocks
//! for longer than it takes to read what was asked for; it is called off the JS thread.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod sock_diag;
pub mod watch;

#[cfg(not(target_os = "linux"))]
use elsewhere as platform;
#[cfg(target_os = "linux")]
use linux as platform;

use parking_lot::Mutex;

use crate::Result;

/// What is to be sampled; a process' start and parent always are.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each asks for one part of a sample"
)]
pub struct Wanted {
    /// Resident memory.
    pub memory: bool,
    /// Memory with shared pages counted in part, which costs a look at every mapping.
    pub proportional: bool,
    /// CPU time of the process.
    pub cpu: bool,
    /// CPU time of each thread.
    pub threads: bool,
    /// Open descriptors.
    pub descriptors: bool,
    /// Open sockets, with their state.
    pub sockets: bool,
    /// Children, their children, and so on.
    pub descendants: bool,
}

/// CPU time since a process began, its waited-for children not included.
#[derive(Debug, Clone, Copy)]
pub struct CpuTime {
    /// Both together, as exactly as the platform counts, ms.
    pub total_ms: f64,
    /// In steps of the kernel's clock (Linux: 10 ms).
    pub user_ms: Option<f64>,
    /// As `user_ms`.
    pub system_ms: Option<f64>,
}

/// CPU time of a thread.
#[derive(Debug, Clone, Copy)]
pub struct ThreadTime {
    /// As the system numbers threads.
    pub tid: u32,
    /// Since it began, ms.
    pub cpu_ms: f64,
}

/// What a descriptor is open on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptorKind {
    /// A file or directory.
    File,
    /// Something under `/dev`.
    Device,
    /// A socket of any kind.
    Socket,
    /// A pipe.
    Pipe,
    /// What has no name in any file system: `epoll`, `eventfd`, `io_uring`, `memfd`.
    Anonymous,
    /// Anything else.
    Other,
}

impl DescriptorKind {
    /// The word that JS sees.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Device => "device",
            Self::Socket => "socket",
            Self::Pipe => "pipe",
            Self::Anonymous => "anonymous",
            Self::Other => "other",
        }
    }
}

/// An open descriptor.
#[derive(Debug, Clone, Copy)]
pub struct Descriptor {
    /// Its number.
    pub fd: u32,
    /// What it is open on.
    pub kind: DescriptorKind,
}

/// An open socket.
#[derive(Debug, Clone, Copy)]
pub struct Socket {
    /// The number of its descriptor.
    pub fd: u32,
    /// `tcp`, `tcp6`, `udp`, `udp6`; `other` for those of no network.
    pub protocol: &'static str,
    /// Of TCP: `ESTABLISHED`, `LISTEN` and so on (RFC 9293).
    pub state: Option<&'static str>,
}

/// A process at one moment.
#[derive(Debug, Clone)]
pub struct ProcessSample {
    /// Its number; another process may have it later, with another start.
    pub pid: u32,
    /// Who started it, or took it over.
    pub parent: Option<u32>,
    /// ms since 1970; two processes of one number differ in it.
    pub started_ms: f64,
    /// Resident bytes.
    pub rss_bytes: Option<u64>,
    /// Bytes with shared pages in part.
    pub proportional_bytes: Option<u64>,
    /// CPU time.
    pub cpu: Option<CpuTime>,
    /// Number of threads.
    pub thread_count: Option<u32>,
    /// CPU time of each thread.
    pub threads: Option<Vec<ThreadTime>>,
    /// Open descriptors, by number, without those of whoever looks.
    pub descriptors: Option<Vec<Descriptor>>,
    /// Open sockets, by number.
    pub sockets: Option<Vec<Socket>>,
    /// Children and theirs, as far as they are of its tree still.
    pub descendants: Option<Vec<u32>>,
}

/// Samples processes; those that are not there (any more) are `None`.
///
/// What is read once for all, the table of sockets, is read once. One call looks at descriptors at a time:
/// else it would see what another has opened for that, where it looks at this process.
///
/// # Errors
/// Where the platform does not let anything be read.
pub fn sample(pids: &[u32], wanted: Wanted) -> Result<Vec<Option<ProcessSample>>> {
    static LOOKING: Mutex<()> = Mutex::new(());
    let _looking = (wanted.descriptors || wanted.sockets).then(|| LOOKING.lock());
    platform::sample(pids, wanted)
}

/// CPU time of the calling thread, ms; `None` where the platform does not count it.
#[must_use]
pub fn own_thread_cpu_ms() -> Option<f64> {
    platform::own_thread_cpu_ms()
}
