//! By `/proc`, and for sockets by `sock_diag`.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Held;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use procfs::process::{FDTarget, Process, Stat};
use procfs::{FromRead, ProcError, ProcResult};

use super::sock_diag::{self, Entry};
use super::watch::{HandlesBefore, OpenHandles, QuickFigures};
use super::{CpuTime, Descriptor, DescriptorKind, ProcessSample, Socket, ThreadTime, Wanted};
use crate::{Error, Result};

const MS_PER_SECOND: f64 = 1_000.0;
const NS_PER_MS: f64 = 1_000_000.0;
/// Fifty numbers and a name of 64 bytes at most.
const STAT_BYTES: usize = 2_048;

pub(super) fn sample(pids: &[u32], wanted: Wanted) -> Result<Vec<Option<ProcessSample>>> {
    let mut tables = Tables::default();
    pids.iter()
        .map(|&pid| match sample_one(pid, wanted, &mut tables) {
            Ok(sample) => Ok(Some(sample)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(Error::Unsupported(format!(
                "process {pid} cannot be read: {error}"
            ))),
        })
        .collect()
}

pub(super) fn own_thread_cpu_ms() -> Option<f64> {
    clock_ms(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn sample_one(pid: u32, wanted: Wanted, tables: &mut Tables) -> ProcResult<ProcessSample> {
    let number = i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?;
    let stat = stat_of(number)?;
    // One that has ended, and that nobody has waited for, uses nothing.
    if stat.state == 'Z' || stat.state == 'X' {
        return Err(ProcError::NotFound(None));
    }
    let mut sample = ProcessSample {
        pid,
        parent: u32::try_from(stat.ppid).ok().filter(|&parent| parent > 0),
        started_ms: started_ms(&stat),
        rss_bytes: wanted
            .memory
            .then(|| stat.rss.saturating_mul(procfs::page_size())),
        proportional_bytes: None,
        cpu: wanted.cpu.then(|| cpu_of(number, &stat)),
        thread_count: u32::try_from(stat.num_threads).ok(),
        threads: None,
        descriptors: None,
        sockets: None,
        descendants: wanted.descendants.then(|| descendants_of(number)),
    };
    if wanted.proportional || wanted.threads || wanted.descriptors || wanted.sockets {
        look_closer(&mut sample, &Process::new(number)?, wanted, tables)?;
    }
    Ok(sample)
}

/// What takes more than a file of the process.
fn look_closer(
    sample: &mut ProcessSample,
    process: &Process,
    wanted: Wanted,
    tables: &mut Tables,
) -> ProcResult<()> {
    sample.proportional_bytes = proportional(process, wanted)?;
    sample.threads = wanted.threads.then(|| threads_of(process)).transpose()?;
    if wanted.descriptors || wanted.sockets {
        let targets = targets_of(process)?;
        sample.descriptors = wanted.descriptors.then(|| descriptors(&targets));
        if wanted.sockets {
            sample.sockets = Some(sockets(process, &targets, tables)?);
        }
    }
    Ok(())
}

/// One file, read at once: half of the calls that `Process::stat` takes, and calls are what a sample costs.
fn stat_of(pid: i32) -> ProcResult<Stat> {
    let mut file = File::open(format!("/proc/{pid}/stat"))?;
    let mut buffer = [0; STAT_BYTES];
    let length = file.read(&mut buffer)?;
    Stat::from_read(&buffer[..length])
}

/// Gone, or going: its files vanish one by one, and some are empty before.
fn is_gone(error: &ProcError) -> bool {
    match error {
        ProcError::NotFound(_) | ProcError::Incomplete(_) => true,
        ProcError::Io(cause, _) => cause.raw_os_error() == Some(libc::ESRCH),
        _ => false,
    }
}

fn started_ms(stat: &Stat) -> f64 {
    static BOOTED_MS: OnceLock<f64> = OnceLock::new();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
    let booted_ms = *BOOTED_MS
        .get_or_init(|| procfs::boot_time_secs().map_or(0.0, |secs| secs as f64 * MS_PER_SECOND));
    booted_ms + ticks_ms(stat.starttime)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ticks of 10 ms are exact for longer than anything runs"
)]
fn ticks_ms(ticks: u64) -> f64 {
    ticks as f64 * MS_PER_SECOND / procfs::ticks_per_second() as f64
}

fn cpu_of(pid: i32, stat: &Stat) -> CpuTime {
    let (user_ms, system_ms) = (ticks_ms(stat.utime), ticks_ms(stat.stime));
    CpuTime {
        total_ms: clock_ms(process_clock(pid)).unwrap_or(user_ms + system_ms),
        user_ms: Some(user_ms),
        system_ms: Some(system_ms),
    }
}

/// The number of a process' CPU clock, as `clock_getcpuclockid(3)` makes it, which asks the kernel besides
/// whether there is one.
fn process_clock(pid: i32) -> libc::clockid_t {
    const SCHEDULED: i32 = 2;
    (!pid << 3) | SCHEDULED
}

fn clock_ms(clock: libc::clockid_t) -> Option<f64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes the time, or fails.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "CPU time in ms, to some ns")]
    Some(time.tv_sec as f64 * MS_PER_SECOND + time.tv_nsec as f64 / NS_PER_MS)
}

fn proportional(process: &Process, wanted: Wanted) -> ProcResult<Option<u64>> {
    if !wanted.proportional {
        return Ok(None);
    }
    let rollup = process.smaps_rollup()?;
    let pages = rollup.memory_map_rollup.0.first();
    Ok(pages.and_then(|map| map.extension.map.get("Pss").copied()))
}

fn threads_of(process: &Process) -> ProcResult<Vec<ThreadTime>> {
    let mut threads = Vec::new();
    for task in process.tasks()? {
        // One that has just ended is of no interest.
        let Ok(task) = task else { continue };
        let Ok(times) = task.schedstat() else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "CPU time in ms, to some ns")]
        let cpu_ms = times.sum_exec_runtime as f64 / NS_PER_MS;
        threads.push(ThreadTime {
            tid: task.tid.unsigned_abs(),
            cpu_ms,
        });
    }
    Ok(threads)
}

fn targets_of(process: &Process) -> ProcResult<Vec<(u32, FDTarget)>> {
    let is_own = u32::try_from(process.pid()).is_ok_and(|pid| pid == std::process::id());
    let mut targets = Vec::new();
    for info in process.fd()? {
        // Closed in between.
        let Ok(info) = info else { continue };
        if is_own && is_ours(&info.target) {
            continue;
        }
        targets.push((info.fd.unsigned_abs(), info.target));
    }
    targets.sort_unstable_by_key(|(fd, _)| *fd);
    Ok(targets)
}

/// What whoever samples has open for it; other samples may be under way.
fn is_ours(target: &FDTarget) -> bool {
    let FDTarget::Path(path) = target else {
        return false;
    };
    let Ok(rest) = path.strip_prefix("/proc") else {
        return false;
    };
    let mut parts = rest
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    let is_process = parts
        .next()
        .is_some_and(|first| first.bytes().all(|byte| byte.is_ascii_digit()));
    is_process
        && matches!(
            parts.next().as_deref(),
            None | Some("fd" | "task" | "stat" | "schedstat")
        )
}

fn descriptors(targets: &[(u32, FDTarget)]) -> Vec<Descriptor> {
    targets
        .iter()
        .map(|(fd, target)| Descriptor {
            fd: *fd,
            kind: kind_of(target),
        })
        .collect()
}

fn kind_of(target: &FDTarget) -> DescriptorKind {
    match target {
        FDTarget::Path(path) if path.starts_with("/dev") => DescriptorKind::Device,
        FDTarget::Path(_) => DescriptorKind::File,
        FDTarget::Socket(_) | FDTarget::Net(_) => DescriptorKind::Socket,
        FDTarget::Pipe(_) => DescriptorKind::Pipe,
        FDTarget::AnonInode(_) | FDTarget::MemFD(_) => DescriptorKind::Anonymous,
        FDTarget::Other(..) | FDTarget::Unknown(..) => DescriptorKind::Other,
    }
}

/// Sockets of a network namespace by their inode, read when they are first asked for.
#[derive(Default)]
struct Tables {
    by_namespace: HashMap<u64, HashMap<u64, Entry>>,
}

impl Tables {
    fn of(&mut self, process: &Process) -> ProcResult<&HashMap<u64, Entry>> {
        let namespace = namespace_of(&format!("/proc/{}/ns/net", process.pid()));
        // What may not be told is taken for our own.
        let own = namespace_of("/proc/self/ns/net");
        let key = namespace.or(own).unwrap_or(0);
        let table = match self.by_namespace.entry(key) {
            Held::Occupied(held) => return Ok(held.into_mut()),
            Held::Vacant(place) => place,
        };
        let is_own = namespace.is_none() || namespace == own;
        let read = match is_own.then(sock_diag::dump) {
            Some(Ok(read)) => read,
            // Another namespace, or a system that does not let us ask.
            _ => table_by_proc(process)?,
        };
        Ok(table.insert(read))
    }
}

fn namespace_of(link: &str) -> Option<u64> {
    let target = std::fs::read_link(Path::new(link)).ok()?;
    let text = target.to_string_lossy();
    text.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

fn table_by_proc(process: &Process) -> ProcResult<HashMap<u64, Entry>> {
    let mut table = HashMap::new();
    for (protocol, entries) in [("tcp", process.tcp()), ("tcp6", process.tcp6())] {
        for entry in entries.or_else(none_if_missing)? {
            let state = sock_diag::tcp_state(entry.state.to_u8());
            table.insert(entry.inode, Entry { protocol, state });
        }
    }
    for (protocol, entries) in [("udp", process.udp()), ("udp6", process.udp6())] {
        for entry in entries.or_else(none_if_missing)? {
            table.insert(
                entry.inode,
                Entry {
                    protocol,
                    state: None,
                },
            );
        }
    }
    Ok(table)
}

/// A kernel without IPv6 has no tables of it.
fn none_if_missing<T>(error: ProcError) -> ProcResult<Vec<T>> {
    match error {
        ProcError::NotFound(_) => Ok(Vec::new()),
        error => Err(error),
    }
}

fn sockets(
    process: &Process,
    targets: &[(u32, FDTarget)],
    tables: &mut Tables,
) -> ProcResult<Vec<Socket>> {
    let inodes: Vec<(u32, u64)> = targets
        .iter()
        .filter_map(|(fd, target)| match target {
            FDTarget::Socket(inode) => Some((*fd, *inode)),
            _ => None,
        })
        .collect();
    if inodes.is_empty() {
        return Ok(Vec::new());
    }
    let table = tables.of(process)?;
    Ok(inodes
        .into_iter()
        .map(|(fd, inode)| match table.get(&inode) {
            Some(Entry { protocol, state }) => Socket {
                fd,
                protocol,
                state: *state,
            },
            None => Socket {
                fd,
                protocol: "other",
                state: None,
            },
        })
        .collect())
}

/// Breadth first; what ends meanwhile is left out.
fn descendants_of(pid: i32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut waiting = vec![pid];
    while let Some(parent) = waiting.pop() {
        let Ok(tasks) = Process::new(parent).and_then(|process| process.tasks()) else {
            continue;
        };
        for task in tasks.flatten() {
            for child in task.children().unwrap_or_default() {
                found.push(child);
                if let Ok(child) = i32::try_from(child) {
                    waiting.push(child);
                }
            }
        }
    }
    found
}

/// A tree of processes, as it was found.
pub(super) struct Tree<'a> {
    pub pid: u32,
    pub started_ms: f64,
    pub descendants: &'a [u32],
}

/// What is kept of a tree from look to look.
#[derive(Debug, Default)]
pub(super) struct TreeCache {
    looks: u64,
    /// CPU time of the process and its descendants at the last look, ms.
    cpu_ms: Option<f64>,
    /// By process: how many descriptors it had, when they were listed, and which they were.
    lists: HashMap<u32, FileList>,
    /// By inode: whether a socket is one of the network, and when that was looked up.
    is_network: HashMap<u64, (bool, u64)>,
}

#[derive(Debug)]
struct FileList {
    count: u64,
    listed_at: u64,
    /// With the inode of what is a socket.
    targets: Vec<(u32, Option<u64>)>,
}

/// After so many looks a list is read anew though its length is the same, and what was no network socket is
/// looked up again: it may be connected by now.
const LOOKS_TRUSTED: u64 = 4;
/// What each process has from its start, and no tool has opened.
const LAST_STANDARD_STREAM: u32 = 2;

pub(super) fn begin_watch(pid: u32, from_now: bool) -> Result<Option<(f64, HandlesBefore)>> {
    let state = || -> ProcResult<(f64, HandlesBefore)> {
        let number = i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?;
        let stat = stat_of(number)?;
        let mut before = HandlesBefore::default();
        before.files.extend(0..=LAST_STANDARD_STREAM);
        if from_now {
            for (fd, target) in targets_of(&Process::new(number)?)? {
                before.files.insert(fd);
                if let FDTarget::Socket(inode) = target {
                    before.sockets.insert(inode);
                }
            }
        }
        Ok((started_ms(&stat), before))
    };
    match state() {
        Ok(state) => Ok(Some(state)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(Error::Unsupported(format!(
            "process {pid} cannot be read: {error}"
        ))),
    }
}

pub(super) fn descendants(pid: u32) -> Vec<u32> {
    i32::try_from(pid).map(descendants_of).unwrap_or_default()
}

/// Whether neither a process nor any of its descendants has been on a CPU since the last look. One call to the
/// system for each, where a look takes dozens.
pub(super) fn have_rested(pid: u32, descendants: &[u32], cache: &mut TreeCache) -> bool {
    let mut cpu_ms = Some(0.0);
    for pid in std::iter::once(&pid).chain(descendants) {
        let own = i32::try_from(*pid)
            .ok()
            .and_then(|pid| clock_ms(process_clock(pid)));
        cpu_ms = cpu_ms.zip(own).map(|(sum, own)| sum + own);
    }
    let before = std::mem::replace(&mut cache.cpu_ms, cpu_ms);
    cpu_ms.is_some() && cpu_ms == before
}

/// `None` where the process is there no more, or its number is another's.
pub(super) fn quick_figures(pid: u32, started: f64, descendants: &[u32]) -> Option<QuickFigures> {
    let (number, stat) = running(pid)?;
    // Times of start are in steps of 10 ms, and read in the same way.
    #[expect(clippy::float_cmp, reason = "the same computation of the same number")]
    if started_ms(&stat) != started {
        return None;
    }
    let mut figures = QuickFigures {
        rss_bytes: stat.rss.saturating_mul(procfs::page_size()),
        cpu_ms: cpu_of(number, &stat).total_ms,
        waited_cpu_ms: waited_ms(&stat),
        descendants: descendants.len(),
        ..QuickFigures::default()
    };
    for (number, stat) in descendants.iter().filter_map(|&pid| running(pid)) {
        figures.descendants_rss_bytes += stat.rss.saturating_mul(procfs::page_size());
        figures.descendants_cpu_ms += cpu_of(number, &stat).total_ms + waited_ms(&stat);
    }
    Some(figures)
}

fn running(pid: u32) -> Option<(i32, Stat)> {
    let number = i32::try_from(pid).ok()?;
    let stat = stat_of(number).ok()?;
    (stat.state != 'Z' && stat.state != 'X').then_some((number, stat))
}

fn waited_ms(stat: &Stat) -> f64 {
    let ticks = stat.cutime.saturating_add(stat.cstime);
    ticks_ms(u64::try_from(ticks).unwrap_or(0))
}

/// `None` where the process is there no more.
pub(super) fn open_handles(
    tree: &Tree<'_>,
    before: &HandlesBefore,
    cache: &mut TreeCache,
) -> Option<OpenHandles> {
    let (_, stat) = running(tree.pid)?;
    #[expect(clippy::float_cmp, reason = "the same computation of the same number")]
    if started_ms(&stat) != tree.started_ms {
        return None;
    }
    cache.looks += 1;
    let alive: Vec<u32> = std::iter::once(tree.pid)
        .chain(tree.descendants.iter().copied())
        .collect();
    cache.lists.retain(|pid, _| alive.contains(pid));
    let mut open = OpenHandles::default();
    let mut tables = Tables::default();
    let mut seen = HashMap::new();
    for &pid in &alive {
        refresh_list(pid, cache);
        let Some(list) = cache.lists.get(&pid) else {
            continue;
        };
        for &(fd, inode) in &list.targets {
            let is_old = if pid == tree.pid {
                before.files.contains(&fd)
            } else {
                fd <= LAST_STANDARD_STREAM
            };
            if is_old {
                continue;
            }
            let Some(inode) = inode else {
                open.files.push(fd);
                continue;
            };
            let known = cache.is_network.get(&inode).copied();
            let answer = match known {
                Some((true, at)) => (true, at),
                Some((false, at)) if cache.looks - at < LOOKS_TRUSTED => (false, at),
                _ => (is_network(pid, inode, &mut tables), cache.looks),
            };
            seen.insert(inode, answer);
            if !answer.0 {
                // A local socket, as those between a process and its children are, is a descriptor like another.
                open.files.push(fd);
            } else if !before.sockets.contains(&inode) && !open.sockets.contains(&inode) {
                open.sockets.push(inode);
            }
        }
    }
    // What is closed is forgotten: its inode may be another's.
    cache.is_network = seen;
    Some(open)
}

fn is_network(pid: u32, inode: u64, tables: &mut Tables) -> bool {
    let process = i32::try_from(pid)
        .ok()
        .and_then(|pid| Process::new(pid).ok());
    process
        .and_then(|process| {
            tables
                .of(&process)
                .ok()
                .map(|table| table.contains_key(&inode))
        })
        .unwrap_or(false)
}

/// Lists the descriptors of a process, unless their number is what it was a moment ago.
fn refresh_list(pid: u32, cache: &mut TreeCache) {
    // Linux 6.2 tells how many there are; before that it is 0, and they are listed at each look.
    let count = std::fs::metadata(format!("/proc/{pid}/fd")).map_or(0, |folder| folder.len());
    let is_current = cache.lists.get(&pid).is_some_and(|list| {
        count > 0 && list.count == count && cache.looks - list.listed_at < LOOKS_TRUSTED
    });
    if is_current {
        return;
    }
    let process = i32::try_from(pid)
        .ok()
        .and_then(|pid| Process::new(pid).ok());
    let Some(targets) = process.and_then(|process| targets_of(&process).ok()) else {
        cache.lists.remove(&pid);
        return;
    };
    let targets = targets
        .into_iter()
        .map(|(fd, target)| match target {
            FDTarget::Socket(inode) => (fd, Some(inode)),
            _ => (fd, None),
        })
        .collect();
    cache.lists.insert(
        pid,
        FileList {
            count,
            listed_at: cache.looks,
            targets,
        },
    );
}
