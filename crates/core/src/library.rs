//! The file that holds this code: kept in memory for the life of the process, and told from other
//! copies of it.

use std::path::Path;

use crate::error::{Error, Result};

pub(crate) use platform::pin;

/// Refuses in a second copy of this library: two copies are two sets of named stores.
///
/// # Errors
/// [`Error::Unsupported`], naming both files.
pub(crate) fn check_first_copy() -> Result<()> {
    let Some(own) = platform::own_path() else {
        return Ok(());
    };
    match first_copy(platform::loaded_paths(), &own) {
        Some(first) => Err(Error::Unsupported(format!(
            "two copies of mcp-granary are in this process, and named stores belong to the one that \
             was loaded first, {first}: open the name there, or install one copy (this is {own})"
        ))),
        None => Ok(()),
    }
}

/// The copy that was loaded before this one, if there is any. The loader lists in its order of loading.
fn first_copy(loaded: Vec<String>, own: &str) -> Option<String> {
    if !is_addon(own) {
        return None;
    }
    let first = loaded.into_iter().find(|path| is_addon(path))?;
    (first != own).then_some(first)
}

/// Whether a file has the name of this addon, on any platform.
fn is_addon(path: &str) -> bool {
    let name = Path::new(path).file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        name.starts_with("granary.") && Path::new(name).extension().is_some_and(|end| end == "node")
    })
}

#[cfg(unix)]
mod platform {
    use std::ffi::CStr;

    /// Raises the loader's count of this library for good. Does nothing where the code is part of the
    /// program itself.
    pub(crate) fn pin() {
        let Some(info) = own_info() else { return };
        // SAFETY: the name is that of a loaded library, and outlives the call.
        unsafe {
            libc::dlopen(
                info.dli_fname,
                libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE,
            );
        }
    }

    pub(super) fn own_path() -> Option<String> {
        let info = own_info()?;
        // SAFETY: the loader's own text, which lives as long as the library.
        let path = unsafe { CStr::from_ptr(info.dli_fname) };
        Some(path.to_string_lossy().into_owned())
    }

    fn own_info() -> Option<libc::Dl_info> {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
        let here: *const libc::c_void = (pin as fn()) as *const libc::c_void;
        // SAFETY: `here` is an address in this library, and `info` is read only where it was written.
        unsafe { (libc::dladdr(here, info.as_mut_ptr()) != 0).then(|| info.assume_init()) }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn loaded_paths() -> Vec<String> {
        unsafe extern "C" fn note(
            info: *mut libc::dl_phdr_info,
            _: libc::size_t,
            paths: *mut libc::c_void,
        ) -> libc::c_int {
            // SAFETY: the loader hands over what it was given and a description that lives meanwhile.
            let (paths, info) = unsafe { (&mut *paths.cast::<Vec<String>>(), &*info) };
            if !info.dlpi_name.is_null() {
                // SAFETY: the loader's own text.
                let path = unsafe { CStr::from_ptr(info.dlpi_name) };
                paths.push(path.to_string_lossy().into_owned());
            }
            0
        }
        let mut paths: Vec<String> = Vec::new();
        // SAFETY: `note` casts its argument back to what it is here, and the call ends before `paths`.
        unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut paths).cast()) };
        paths
    }

    #[cfg(target_vendor = "apple")]
    pub(super) fn loaded_paths() -> Vec<String> {
        // SAFETY: no arguments; the count may be outdated at once, which a null name tells.
        let count = unsafe { libc::_dyld_image_count() };
        (0..count)
            .filter_map(|at| {
                // SAFETY: an index that is too large gives null.
                let name = unsafe { libc::_dyld_get_image_name(at) };
                // SAFETY: the loader's own text.
                (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
            })
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(super) fn loaded_paths() -> Vec<String> {
        Vec::new()
    }
}

#[cfg(windows)]
mod platform {
    use windows_sys::Win32::Foundation::HMODULE;
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
        GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW, GetModuleHandleExW,
    };
    use windows_sys::Win32::System::ProcessStatus::K32EnumProcessModules;
    use windows_sys::Win32::System::Threading::GetCurrentProcess;

    const MOST_MODULES: usize = 4_096;
    const LONGEST_PATH: usize = 1_024;

    /// Raises the loader's count of this library for good.
    pub(crate) fn pin() {
        own_module(GET_MODULE_HANDLE_EX_FLAG_PIN);
    }

    pub(super) fn own_path() -> Option<String> {
        path_of(own_module(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT)?)
    }

    pub(super) fn loaded_paths() -> Vec<String> {
        let mut modules: Vec<HMODULE> = vec![std::ptr::null_mut(); MOST_MODULES];
        let size = u32::try_from(size_of_val(&*modules)).unwrap_or(0);
        let mut needed = 0;
        // SAFETY: the buffer is as large as the size says.
        let found = unsafe {
            K32EnumProcessModules(
                GetCurrentProcess(),
                modules.as_mut_ptr(),
                size,
                &raw mut needed,
            )
        };
        let count = needed as usize / size_of::<HMODULE>();
        modules.truncate(if found == 0 { 0 } else { count });
        modules.into_iter().filter_map(path_of).collect()
    }

    fn own_module(flag: u32) -> Option<HMODULE> {
        let mut module = std::ptr::null_mut();
        let here: *const u16 = (pin as fn()) as *const u16;
        // SAFETY: with FROM_ADDRESS the name is an address in this library; the handle is our own.
        let found = unsafe {
            GetModuleHandleExW(
                flag | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                here,
                &raw mut module,
            )
        };
        (found != 0).then_some(module)
    }

    fn path_of(module: HMODULE) -> Option<String> {
        let mut path = [0_u16; LONGEST_PATH];
        let size = u32::try_from(path.len()).unwrap_or(0);
        // SAFETY: the buffer is as large as the size says.
        let length = unsafe { GetModuleFileNameW(module, path.as_mut_ptr(), size) } as usize;
        (length > 0).then(|| String::from_utf16_lossy(&path[..length]))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::first_copy;

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    mod req_hazard_3_copies {
        use super::*;

        #[test]
        fn the_copy_that_was_loaded_first_has_the_names() {
            let loaded = [
                "/usr/lib/libc.so",
                "/a/granary.linux-x64-gnu.node",
                "/b/granary.linux-x64-gnu.node",
            ];
            assert_eq!(first_copy(paths(&loaded), loaded[1]), None);
            assert_eq!(
                first_copy(paths(&loaded), loaded[2]).as_deref(),
                Some(loaded[1])
            );
        }

        #[test]
        fn other_addons_and_the_program_itself_are_no_copies() {
            let loaded = [
                "/a/other.node",
                "/a/granary.txt",
                "/b/granary.darwin-arm64.node",
            ];
            assert_eq!(first_copy(paths(&loaded), loaded[2]), None);
            assert_eq!(
                first_copy(paths(&loaded), "/target/deps/granary-1234"),
                None
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_loader_lists_what_is_loaded() {
        let loaded = super::platform::loaded_paths();
        assert!(
            loaded.iter().any(|path| path.contains("libc")),
            "{loaded:?}"
        );
        assert!(super::platform::own_path().is_some());
    }
}
