//! Samples of this process and of children whose use is known.
#![cfg(all(not(loom), target_os = "linux"))]

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use granary_core::sampler::{DescriptorKind, ProcessSample, Wanted, own_thread_cpu_ms, sample};

const ALL: Wanted = Wanted {
    memory: true,
    proportional: true,
    cpu: true,
    threads: true,
    descriptors: true,
    sockets: true,
    descendants: true,
};

fn own(wanted: Wanted) -> ProcessSample {
    sample(&[std::process::id()], wanted)
        .unwrap()
        .remove(0)
        .unwrap()
}

/// Works for so long by the clock of this thread.
fn spin(cpu_ms: f64) {
    let end = own_thread_cpu_ms().unwrap() + cpu_ms;
    while own_thread_cpu_ms().unwrap() < end {}
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    let sample = own(Wanted::default());
    assert_eq!(sample.pid, std::process::id());
    assert!(sample.started_ms > 1e12 && sample.parent.is_some());
    assert!(sample.rss_bytes.is_none() && sample.cpu.is_none() && sample.threads.is_none());
    assert!(sample.descriptors.is_none() && sample.sockets.is_none());
    assert!(sample.descendants.is_none() && sample.proportional_bytes.is_none());
}

#[test]
fn memory_that_is_written_is_counted() {
    // The other tests take and give back memory of the same process meanwhile.
    let rounds: Vec<[i64; 2]> = (0..10)
        .map(|_| {
            let before = own(ALL);
            let block = vec![1_u8; 64 << 20];
            let after = own(ALL);
            drop(block);
            let grown = |of: fn(&ProcessSample) -> Option<u64>| {
                of(&after).unwrap().cast_signed() - of(&before).unwrap().cast_signed()
            };
            [
                grown(|sample| sample.rss_bytes),
                grown(|sample| sample.proportional_bytes),
            ]
        })
        .collect();
    for of in 0..2 {
        let is_near = |grown: &[i64; 2]| (60 << 20..80 << 20).contains(&grown[of]);
        assert!(rounds.iter().any(is_near), "{rounds:?} bytes");
    }
}

#[test]
fn the_time_of_a_thread_is_its_own() {
    let before = own(ALL);
    std::thread::scope(|scope| {
        let quiet = scope.spawn(|| std::thread::sleep(Duration::from_millis(300)));
        spin(120.0);
        let after = own(ALL);
        let spent = after.cpu.unwrap().total_ms - before.cpu.unwrap().total_ms;
        assert!((115.0..1_000.0).contains(&spent), "{spent} ms");
        assert!(after.thread_count.unwrap() >= 2);
        let threads = after.threads.unwrap();
        assert!(threads.iter().any(|thread| thread.cpu_ms >= 115.0));
        assert!(threads.iter().any(|thread| thread.cpu_ms < 50.0));
        quiet.join().unwrap();
    });
}

#[test]
fn descriptors_are_told_by_kind_without_those_of_the_looker() {
    let file = File::open("/proc/version").unwrap();
    let device = File::open("/dev/null").unwrap();
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let kinds = own(ALL).descriptors.unwrap();
    let kind_of = |fd: &dyn std::os::fd::AsRawFd| {
        let fd = fd.as_raw_fd().unsigned_abs();
        kinds
            .iter()
            .find(|each| each.fd == fd)
            .map(|each| each.kind)
    };
    assert_eq!(kind_of(&file), Some(DescriptorKind::File));
    assert_eq!(kind_of(&device), Some(DescriptorKind::Device));
    assert_eq!(kind_of(&pipe), Some(DescriptorKind::Pipe));
    assert!(kinds.windows(2).all(|pair| pair[0].fd < pair[1].fd));
}

#[test]
fn sockets_are_told_by_protocol_and_state() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (local, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let sockets = own(ALL).sockets.unwrap();
    let of = |socket: &dyn std::os::fd::AsRawFd| {
        let fd = socket.as_raw_fd().unsigned_abs();
        sockets
            .iter()
            .find(|each| each.fd == fd)
            .map(|each| (each.protocol, each.state))
            .unwrap()
    };
    assert_eq!(of(&listener), ("tcp", Some("LISTEN")));
    assert_eq!(of(&client), ("tcp", Some("ESTABLISHED")));
    assert_eq!(of(&server), ("tcp", Some("ESTABLISHED")));
    assert_eq!(of(&udp), ("udp", None));
    assert_eq!(of(&local), ("other", None));
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let sockets = own(ALL).sockets.unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&client).unsigned_abs();
        if sockets
            .iter()
            .any(|each| each.fd == fd && each.state == Some("CLOSE_WAIT"))
        {
            break;
        }
        assert!(Instant::now() < deadline, "the peer has closed it");
    }
}

#[test]
fn a_tree_is_told_and_whoever_has_ended_is_not_there() {
    let mut shell = Command::new("sh")
        .args(["-c", "sleep 60 & sleep 60 & echo ready; wait"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(shell.stdout.as_mut().unwrap()),
        &mut line,
    )
    .unwrap();
    let pid = shell.id();
    let samples = sample(&[pid, u32::MAX, std::process::id()], ALL).unwrap();
    assert!(samples[1].is_none());
    let tree = samples[0].as_ref().unwrap().descendants.clone().unwrap();
    assert_eq!(tree.len(), 2, "{tree:?}");
    assert!(
        samples[2]
            .as_ref()
            .unwrap()
            .descendants
            .as_ref()
            .unwrap()
            .contains(&pid)
    );
    let child = sample(&tree[..1], ALL).unwrap().remove(0).unwrap();
    assert_eq!(child.parent, Some(pid));
    assert!(child.started_ms >= samples[0].as_ref().unwrap().started_ms);
    for child in tree {
        // SAFETY: one of ours, which sleeps.
        unsafe { libc::kill(i32::try_from(child).unwrap(), libc::SIGKILL) };
    }
    // A zombie until it is waited for: nothing of it is left to be told.
    shell.kill().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while sample(&[pid], ALL).unwrap()[0].is_some() {
        assert!(Instant::now() < deadline, "it has ended");
    }
    shell.wait().unwrap();
}

mod req_sample_watch {
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::Ordering;

    use granary_core::sampler::watch::{TreeWatch, at};

    fn word(watch: &TreeWatch, at: usize) -> f64 {
        f64::from_bits(watch.block().word(at).load(Ordering::Relaxed))
    }

    fn shell(script: &str) -> Child {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(script).stdin(Stdio::null());
        shell.spawn().unwrap()
    }

    fn tree() -> granary_core::sampler::Wanted {
        granary_core::sampler::Wanted {
            descendants: true,
            ..granary_core::sampler::Wanted::default()
        }
    }

    /// Until what was started is what it will be.
    fn looked_until(watch: &TreeWatch, holds: impl Fn() -> bool) -> bool {
        for _ in 0..500 {
            watch.look();
            if holds() {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        false
    }

    #[test]
    fn sees_what_a_process_and_its_child_have_open() {
        let mut child = shell("exec 3</dev/null 4</dev/null; sleep 60 5</dev/null & exec sleep 60");
        let watch = TreeWatch::begin(child.id(), false).unwrap();
        // Two of its own; the child has inherited both, and has one more; whoever runs the tests may have handed
        // on some.
        let saw_all = looked_until(&watch, || {
            word(&watch, at::FILES) >= 5.0
                && word(&watch, at::RSS) > 1e5
                && word(&watch, at::DESCENDANTS_RSS) > 1e5
        });
        let files = word(&watch, at::FILES);
        let descendants = word(&watch, at::DESCENDANTS);
        let rss = (word(&watch, at::RSS), word(&watch, at::DESCENDANTS_RSS));
        let version = watch.block().word(at::VERSION).load(Ordering::Relaxed);
        for pid in granary_core::sampler::sample(&[child.id()], tree())
            .unwrap()
            .remove(0)
            .and_then(|sample| sample.descendants)
            .unwrap_or_default()
        {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(saw_all, "{files} files");
        assert!(
            descendants > 0.0 && rss.0 > 1e5 && rss.1 > 1e5,
            "{descendants} {rss:?}"
        );
        assert_eq!(version % 2, 0);
        watch.close();
    }

    #[test]
    fn tells_when_a_process_is_gone() {
        let mut child = shell("exec sleep 60");
        let watch = TreeWatch::begin(child.id(), true).unwrap();
        assert_eq!(word(&watch, at::IS_GONE).to_bits(), 0);
        child.kill().unwrap();
        child.wait().unwrap();
        watch.look();
        assert!(word(&watch, at::IS_GONE) > 0.0);
        assert!(TreeWatch::begin(child.id(), true).is_err());
    }
}
