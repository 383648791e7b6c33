//! Errors, each with the code that JS sees.

/// What can go wrong in the core.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number is outside of what the core can work with.
    #[error("{name} must be from {min} to {max}, got {value}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// What was given.
        value: f64,
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
    },
    /// A name is taken by a store of another kind.
    #[error("a store named {name:?} is open with {held}, it cannot be opened with {asked}")]
    NameInUse {
        /// The name.
        name: String,
        /// How it is open.
        held: String,
        /// How it was to be opened.
        asked: String,
    },
    /// Input that nothing can be told of.
    #[error("{0}")]
    BadInput(String),
    /// Something that this process or platform cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// Bytes that are not a whole dump, or one of another version.
    #[error("this is no dump that can be restored: {problem} (at byte {offset})")]
    BadDump {
        /// Where, in bytes from the beginning.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A panic was caught; the store was rebuilt from what it knows and goes on.
    #[error("internal fault in the native core, the store goes on: {0}")]
    Internal(String),
}

impl Error {
    /// The stable code that JS sees.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } | Self::BadInput(_) => "ERR_GRANARY_BAD_OPTION",
            Self::NameInUse { .. } => "ERR_GRANARY_NAME_IN_USE",
            Self::Unsupported(_) => "ERR_GRANARY_UNSUPPORTED_RUNTIME",
            Self::BadDump { .. } => "ERR_GRANARY_BAD_DUMP",
            Self::Internal(_) => "ERR_GRANARY_INTERNAL",
        }
    }

    /// An error from what a caught panic carried.
    #[must_use]
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Self::Internal(text)
    }
}

/// Shorthand of this crate.
pub type Result<T> = std::result::Result<T, Error>;
