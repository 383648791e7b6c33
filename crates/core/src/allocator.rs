//! The allocator of the C library, of which V8's buffers come.

/// Larger pieces are mapped on their own, and unmapped when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_FROM_BYTES: libc::c_int = 1 << 20;
/// What an arena may keep at its end when something is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: libc::c_int = 1 << 17;

/// Gives memory that is free, and still held for later, back to the system, now and from now on.
///
/// glibc learns from each large piece that is freed to keep the next: in up to eight arenas a core, up to
/// 64 MiB each, which count as held. After this call it has unlearned that, for good. Where there is another
/// library, nothing is kept for as long, or it cannot be asked.
///
/// # Returns
///
/// Whether anything was given back.
#[must_use]
pub fn trim() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers, then takes the locks of the arenas, and touches what is free alone.
    let trimmed = unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::malloc_trim(0) == 1
    };
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let trimmed = false;
    trimmed
}
