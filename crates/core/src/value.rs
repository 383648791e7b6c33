//! A value as bytes.

/// What a store holds of a value, and how JS reads it back.
#[derive(Debug, PartialEq, Eq)]
pub struct Value {
    /// How the bytes were made; the numbers are JS's own (`src/cache/value-codec.ts`).
    pub kind: u8,
    /// What was made.
    pub bytes: Box<[u8]>,
}

/// Why an entry left, as `src/cache/native-store.ts` reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody evicted it.
    None = 0,
    /// The bounds left no room for it.
    Size = 1,
    /// It is heavier than any entry may be, and was never kept.
    TooLarge = 2,
    /// The bounds were made smaller.
    Resize = 3,
}

/// What happened to an entry; the numbers are bits of a handle's mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A loader's value was stored.
    Loaded = 1,
    /// A look-up found it.
    Accessed = 2,
    /// Somebody dropped it.
    Invalidated = 4,
    /// Its time was over.
    Expired = 8,
    /// It had to make room.
    Evicted = 16,
}
