//! Samples of processes, taken on a thread of libuv's pool.

use std::panic::{AssertUnwindSafe, catch_unwind};

use granary_core::Error as CoreError;
use granary_core::sampler::{self, ProcessSample as CoreSample, Wanted};
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Error, Status, Task};
use napi_derive::napi;

use crate::{Result, guarded};

/// What is to be sampled.
#[napi(object)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each asks for one part of a sample"
)]
pub struct SampleParts {
    /// Resident memory.
    pub memory: bool,
    /// Memory with shared pages in part.
    pub proportional: bool,
    /// CPU time of the process.
    pub cpu: bool,
    /// CPU time of each thread.
    pub threads: bool,
    /// Open descriptors.
    pub descriptors: bool,
    /// Open sockets.
    pub sockets: bool,
    /// Children and theirs.
    pub descendants: bool,
}

/// CPU time of a thread.
#[napi(object)]
pub struct NativeThreadTime {
    /// As the system numbers threads.
    pub tid: u32,
    /// Since it began.
    pub cpu_ms: f64,
}

/// An open descriptor.
#[napi(object)]
pub struct NativeDescriptor {
    /// Its number.
    pub fd: u32,
    /// What it is open on.
    pub kind: String,
}

/// An open socket.
#[napi(object)]
pub struct NativeSocket {
    /// Its number.
    pub fd: u32,
    /// `tcp`, `tcp6`, `udp`, `udp6` or `other`.
    pub protocol: String,
    /// Of TCP.
    pub state: Option<String>,
}

/// A process at one moment.
#[napi(object)]
pub struct NativeSample {
    /// Its number.
    pub pid: u32,
    /// Who started it.
    pub parent: Option<u32>,
    /// ms since 1970.
    pub started_ms: f64,
    /// Resident bytes.
    pub rss_bytes: Option<f64>,
    /// Bytes with shared pages in part.
    pub proportional_bytes: Option<f64>,
    /// CPU time, all of it.
    pub cpu_ms: Option<f64>,
    /// CPU time of its own code.
    pub user_ms: Option<f64>,
    /// CPU time of the system for it.
    pub system_ms: Option<f64>,
    /// Number of threads.
    pub thread_count: Option<u32>,
    /// CPU time of each thread.
    pub threads: Option<Vec<NativeThreadTime>>,
    /// Open descriptors.
    pub descriptors: Option<Vec<NativeDescriptor>>,
    /// Open sockets.
    pub sockets: Option<Vec<NativeSocket>>,
    /// Children and theirs.
    pub descendants: Option<Vec<u32>>,
}

/// One look at some processes.
pub struct SampleTask {
    pids: Vec<u32>,
    wanted: Wanted,
}

impl Task for SampleTask {
    type Output = Vec<Option<CoreSample>>;
    type JsValue = Vec<Option<NativeSample>>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = || sampler::sample(&self.pids, self.wanted);
        let outcome = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|payload| Err(CoreError::from_panic(payload.as_ref())));
        outcome.map_err(|error| {
            Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
        })
    }

    fn resolve(&mut self, _: Env, samples: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(samples
            .into_iter()
            .map(|sample| sample.map(to_js))
            .collect())
    }
}

/// Samples processes on another thread; null for those that are not there.
#[napi(ts_return_type = "Promise<Array<NativeSample | null>>")]
pub fn sample_processes(pids: Vec<u32>, parts: SampleParts) -> AsyncTask<SampleTask> {
    let wanted = wanted_of(&parts);
    AsyncTask::new(SampleTask { pids, wanted })
}

/// As `sample_processes`, at once on this thread: for what takes some µs.
#[napi]
pub fn sample_processes_now(
    pids: Vec<u32>,
    parts: SampleParts,
) -> Result<Vec<Option<NativeSample>>> {
    guarded(|| {
        let samples = sampler::sample(&pids, wanted_of(&parts))?;
        Ok(samples
            .into_iter()
            .map(|sample| sample.map(to_js))
            .collect())
    })
}

/// Gives a process group the lowest priority; whether that was done.
#[napi]
pub fn lower_group_priority(group: u32) -> Result<bool> {
    guarded(|| Ok(granary_core::priority::lower_group(group)))
}

/// CPU time of the calling thread, ms; null where the system does not count it.
#[napi]
pub fn own_thread_cpu_ms() -> Result<Option<f64>> {
    guarded(|| Ok(sampler::own_thread_cpu_ms()))
}

fn wanted_of(parts: &SampleParts) -> Wanted {
    Wanted {
        memory: parts.memory,
        proportional: parts.proportional,
        cpu: parts.cpu,
        threads: parts.threads,
        descriptors: parts.descriptors,
        sockets: parts.sockets,
        descendants: parts.descendants,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no memory has 2^53 bytes")]
fn to_js(sample: CoreSample) -> NativeSample {
    let cpu = sample.cpu;
    NativeSample {
        pid: sample.pid,
        parent: sample.parent,
        started_ms: sample.started_ms,
        rss_bytes: sample.rss_bytes.map(|bytes| bytes as f64),
        proportional_bytes: sample.proportional_bytes.map(|bytes| bytes as f64),
        cpu_ms: cpu.map(|cpu| cpu.total_ms),
        user_ms: cpu.and_then(|cpu| cpu.user_ms),
        system_ms: cpu.and_then(|cpu| cpu.system_ms),
        thread_count: sample.thread_count,
        threads: sample.threads.map(|threads| {
            threads
                .into_iter()
                .map(|thread| NativeThreadTime {
                    tid: thread.tid,
                    cpu_ms: thread.cpu_ms,
                })
                .collect()
        }),
        descriptors: sample.descriptors.map(|descriptors| {
            descriptors
                .into_iter()
                .map(|each| NativeDescriptor {
                    fd: each.fd,
                    kind: each.kind.name().to_owned(),
                })
                .collect()
        }),
        sockets: sample.sockets.map(|sockets| {
            sockets
                .into_iter()
                .map(|each| NativeSocket {
                    fd: each.fd,
                    protocol: each.protocol.to_owned(),
                    state: each.state.map(ToOwned::to_owned),
                })
                .collect()
        }),
        descendants: sample.descendants,
    }
}
