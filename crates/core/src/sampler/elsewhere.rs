//! By sysinfo: what macOS and Windows tell of a process.

use std::sync::OnceLock;

use parking_lot::Mutex;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

use super::watch::{HandlesBefore, OpenHandles, QuickFigures};
use super::{CpuTime, ProcessSample, Wanted};
use crate::{Error, Result};

const MS_PER_SECOND: f64 = 1_000.0;

pub(super) fn sample(pids: &[u32], wanted: Wanted) -> Result<Vec<Option<ProcessSample>>> {
    static SYSTEM: OnceLock<std::result::Result<Mutex<System>, String>> = OnceLock::new();
    let made = SYSTEM.get_or_init(|| {
        System::new()
            .map(Mutex::new)
            .map_err(|error| error.to_string())
    });
    let mut system = made
        .as_ref()
        .map_err(|error| Error::Unsupported(error.clone()))?
        .lock();
    let kind = ProcessRefreshKind::nothing()
        .with_memory()
        .with_cpu()
        .without_tasks();
    let asked: Vec<Pid> = pids.iter().map(|&pid| Pid::from_u32(pid)).collect();
    let which = if wanted.descendants {
        ProcessesToUpdate::All
    } else {
        ProcessesToUpdate::Some(&asked)
    };
    system.refresh_processes_specifics(which, true, kind);
    let sampled = asked.iter().map(|&pid| {
        let process = system.process(pid)?;
        Some(sample_one(&system, process, wanted))
    });
    Ok(sampled.collect())
}

pub(super) fn own_thread_cpu_ms() -> Option<f64> {
    None
}

fn sample_one(system: &System, process: &Process, wanted: Wanted) -> ProcessSample {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 and ms of CPU are exact"
    )]
    let (started_s, cpu_ms) = (
        process.start_time() as f64,
        process.accumulated_cpu_time() as f64,
    );
    ProcessSample {
        pid: process.pid().as_u32(),
        parent: process.parent().map(Pid::as_u32),
        started_ms: started_s * MS_PER_SECOND,
        rss_bytes: wanted.memory.then(|| process.memory()),
        proportional_bytes: None,
        cpu: wanted.cpu.then_some(CpuTime {
            total_ms: cpu_ms,
            user_ms: None,
            system_ms: None,
        }),
        thread_count: None,
        threads: None,
        descriptors: None,
        sockets: None,
        descendants: wanted
            .descendants
            .then(|| descendants_of(system, process.pid())),
    }
}

fn descendants_of(system: &System, pid: Pid) -> Vec<u32> {
    let mut found = Vec::new();
    let mut waiting = vec![pid];
    while let Some(parent) = waiting.pop() {
        for process in system.processes().values() {
            if process.parent() == Some(parent) {
                found.push(process.pid().as_u32());
                waiting.push(process.pid());
            }
        }
    }
    found
}

/// A tree of processes, as it was found.
#[expect(dead_code, reason = "what is not told is not looked for")]
pub(super) struct Tree<'a> {
    pub pid: u32,
    pub started_ms: f64,
    pub descendants: &'a [u32],
}

/// Nothing is kept.
#[derive(Debug, Default)]
pub(super) struct TreeCache;

pub(super) fn begin_watch(_: u32, _: bool) -> Result<Option<(f64, HandlesBefore)>> {
    Err(Error::Unsupported(
        "trees of processes are watched on Linux only".to_owned(),
    ))
}

pub(super) fn descendants(_: u32) -> Vec<u32> {
    Vec::new()
}

pub(super) fn have_rested(_: u32, _: &[u32], _: &mut TreeCache) -> bool {
    true
}

pub(super) fn quick_figures(_: u32, _: f64, _: &[u32]) -> Option<QuickFigures> {
    None
}

pub(super) fn open_handles(
    _: &Tree<'_>,
    _: &HandlesBefore,
    _: &mut TreeCache,
) -> Option<OpenHandles> {
    None
}
