//! How much of a busy machine's CPU processes get.

/// The lowest: next to nothing while anybody else wants the CPU, all of it while nobody does.
#[cfg(unix)]
const LOWEST: libc::c_int = 19;

/// Gives a process group, with all its threads, the lowest priority there is; what it starts inherits that.
/// Without privileges there is no way back.
///
/// Returns whether that was done: there is such a group, it is ours, and the system knows groups.
#[must_use]
#[cfg(unix)]
pub fn lower_group(group: u32) -> bool {
    // Group 0 would be the caller's own.
    // SAFETY: takes numbers alone.
    group != 0 && unsafe { libc::setpriority(libc::PRIO_PGRP, group, LOWEST) } == 0
}

/// As on Unix, where there are no groups: nothing.
#[must_use]
#[cfg(not(unix))]
pub fn lower_group(_group: u32) -> bool {
    false
}
