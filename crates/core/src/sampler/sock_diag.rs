//! Asks the kernel for all sockets of this network namespace, by netlink (`sock_diag(7)`): their inodes say
//! whose they are. `/proc/net/tcp` tells the same, and takes some times as long to write and to read.

use std::collections::HashMap;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What is known of a socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// `tcp`, `tcp6`, `udp`, `udp6`.
    pub(super) protocol: &'static str,
    /// Of TCP.
    pub(super) state: Option<&'static str>,
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const ALL_STATES: u32 = u32::MAX;
/// More than the kernel sends in one piece.
const BUFFER_BYTES: usize = 64 * 1_024;

/// `struct inet_diag_req_v2`, without a socket to look for.
#[repr(C)]
struct Request {
    header: libc::nlmsghdr,
    family: u8,
    protocol: u8,
    extensions: u8,
    padding: u8,
    states: u32,
    id: [u8; ID_BYTES],
}

const ID_BYTES: usize = 48;
const HEADER_BYTES: usize = size_of::<libc::nlmsghdr>();
/// `struct inet_diag_msg`: family, state, timer, retrans, id, expires, queues, uid, inode.
const STATE_AT: usize = 1;
const INODE_AT: usize = 4 + ID_BYTES + 16;
const MESSAGE_BYTES: usize = INODE_AT + 4;

const FAMILIES: [(i32, i32, &str); 4] = [
    (libc::AF_INET, libc::IPPROTO_TCP, "tcp"),
    (libc::AF_INET6, libc::IPPROTO_TCP, "tcp6"),
    (libc::AF_INET, libc::IPPROTO_UDP, "udp"),
    (libc::AF_INET6, libc::IPPROTO_UDP, "udp6"),
];

/// The name of a state, as the kernel numbers them.
pub(super) fn tcp_state(number: u8) -> Option<&'static str> {
    const NAMES: [&str; 12] = [
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECEIVED",
        "FIN_WAIT_1",
        "FIN_WAIT_2",
        "TIME_WAIT",
        "CLOSED",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
        "NEW_SYN_RECEIVED",
    ];
    NAMES.get(usize::from(number).checked_sub(1)?).copied()
}

/// All sockets by inode.
pub(super) fn dump() -> io::Result<HashMap<u64, Entry>> {
    let socket = open()?;
    let mut entries = HashMap::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    for (family, protocol, name) in FAMILIES {
        ask(&socket, family, protocol)?;
        while !read(&socket, &mut buffer, |message| {
            let state = name
                .starts_with("tcp")
                .then(|| tcp_state(message[STATE_AT]))
                .flatten();
            let inode = u32::from_ne_bytes([
                message[INODE_AT],
                message[INODE_AT + 1],
                message[INODE_AT + 2],
                message[INODE_AT + 3],
            ]);
            entries.insert(
                u64::from(inode),
                Entry {
                    protocol: name,
                    state,
                },
            );
        })? {}
    }
    Ok(entries)
}

fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: makes a descriptor, or fails.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn ask(socket: &OwnedFd, family: i32, protocol: i32) -> io::Result<()> {
    let length = size_of::<Request>();
    let small = |number: i32| u8::try_from(number).unwrap_or_default();
    let request = Request {
        header: libc::nlmsghdr {
            nlmsg_len: u32::try_from(length).unwrap_or_default(),
            nlmsg_type: SOCK_DIAG_BY_FAMILY,
            nlmsg_flags: u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_DUMP).unwrap_or_default(),
            nlmsg_seq: 0,
            nlmsg_pid: 0,
        },
        family: small(family),
        protocol: small(protocol),
        extensions: 0,
        padding: 0,
        states: ALL_STATES,
        id: [0; ID_BYTES],
    };
    // SAFETY: sends the bytes of a struct that has no gaps, and that lives until then.
    let sent = unsafe { libc::send(socket.as_raw_fd(), (&raw const request).cast(), length, 0) };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Reads one piece of the answer. Returns whether it was the last.
fn read(socket: &OwnedFd, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> io::Result<bool> {
    // SAFETY: writes into the buffer, up to its length.
    let got = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    let mut rest = &buffer[..got];
    while rest.len() >= HEADER_BYTES {
        let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let kind = i32::from(u16::from_ne_bytes([rest[4], rest[5]]));
        if length < HEADER_BYTES || length > rest.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if kind == libc::NLMSG_DONE {
            return Ok(true);
        }
        if kind == libc::NLMSG_ERROR {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if length >= HEADER_BYTES + MESSAGE_BYTES {
            take(&rest[HEADER_BYTES..length]);
        }
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    // Nothing at all would be asked for again and again.
    if got == 0 {
        Err(io::ErrorKind::UnexpectedEof.into())
    } else {
        Ok(false)
    }
}
