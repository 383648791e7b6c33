//! The allocator of the C library, of which V8's buffers come.

/// Gives memory that is free, and still held for later, back to the system.
///
/// glibc keeps what threads have freed in up to eight arenas a core, whole pages of it too, until
/// somebody asks. Where there is another library, nothing is kept for as long, or it cannot be asked.
///
/// # Returns
///
/// Whether anything was given back.
#[must_use]
pub fn trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes the locks of the arenas itself, and touches what is free alone.
    let trimmed = unsafe { libc::malloc_trim(0) } == 1;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let trimmed = false;
    trimmed
}
