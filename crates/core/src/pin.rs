//! Keeps the library that holds this code in memory for the life of the process.

/// Raises the loader's count of this library for good. Does nothing where the code is part of the
/// program itself.
#[cfg(unix)]
pub(crate) fn pin_library() {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    let here: *const libc::c_void = (pin_library as fn()) as *const libc::c_void;
    // SAFETY: `here` is an address in this library and `info` is written before it is read.
    unsafe {
        if libc::dladdr(here, info.as_mut_ptr()) != 0 {
            let path = info.assume_init().dli_fname;
            libc::dlopen(
                path,
                libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE,
            );
        }
    }
}

/// Raises the loader's count of this library for good.
#[cfg(windows)]
pub(crate) fn pin_library() {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };
    let mut module = std::ptr::null_mut();
    let here: *const u16 = (pin_library as fn()) as *const u16;
    // SAFETY: with FROM_ADDRESS the name is an address in this library; the handle is our own.
    unsafe {
        GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
            here,
            &raw mut module,
        );
    }
}
