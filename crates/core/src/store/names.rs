//! Stores by name: threads that open one name have one store.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::near::NearBlock;
use super::{Policy, Store, StoreOptions, Wake};
use crate::error::{Error, Result};
use crate::library;

static STORES: LazyLock<Mutex<HashMap<String, Weak<Store>>>> = LazyLock::new(Mutex::default);

/// A store that is open, and the handle of whoever opened it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Arc<Store>,
    /// Its number for this handle.
    pub handle: u32,
    /// The memory of this handle.
    pub block: Arc<NearBlock>,
}

/// Opens a store: the one of that name, where there is a name and somebody has it open.
///
/// A name is free again when the last handle of its store has left.
///
/// # Errors
/// [`Error::OutOfRange`]; [`Error::NameInUse`] where it is open with other options, or where either
/// has a clock of its own; [`Error::Unsupported`] in a second copy of this library.
pub fn open(
    name: Option<&str>,
    options: &StoreOptions,
    cells: usize,
    waker: Option<Arc<dyn Wake>>,
) -> Result<Opened> {
    options.bounds.check()?;
    let block = Arc::new(NearBlock::new(cells));
    let Some(name) = name else {
        let store = Store::new(options.clone());
        let handle = store.join(Arc::clone(&block), waker).unwrap_or_default();
        return Ok(Opened {
            store,
            handle,
            block,
        });
    };
    library::check_first_copy()?;
    let mut stores = STORES.lock();
    stores.retain(|_, store| store.strong_count() > 0);
    if let Some(store) = stores.get(name).and_then(Weak::upgrade)
        && let Some(handle) = store.join(Arc::clone(&block), waker.clone())
    {
        let held = store.options();
        // A resize is no other store: whoever opens it as it was made gets it as it is.
        let is_same = held == *options || store.made_with() == options;
        if !is_same || held.manual {
            store.leave(handle);
            return Err(Error::NameInUse {
                name: name.to_owned(),
                held: describe(&held),
                asked: describe(options),
            });
        }
        return Ok(Opened {
            store,
            handle,
            block,
        });
    }
    let store = Store::new(options.clone());
    stores.insert(name.to_owned(), Arc::downgrade(&store));
    let handle = store.join(Arc::clone(&block), waker).unwrap_or_default();
    Ok(Opened {
        store,
        handle,
        block,
    })
}

fn describe(options: &StoreOptions) -> String {
    format!(
        "maxEntries {}, maxBytes {}, policy '{}' and {}",
        options.bounds.max_entries,
        options.bounds.max_bytes,
        match options.policy {
            Policy::Adaptive => "adaptive",
            Policy::TinyLfu => "tinylfu",
            Policy::Lru => "lru",
        },
        if options.manual {
            "a clock of its own"
        } else {
            "the native clock"
        },
    )
}
