/*
 * What V8 spends on each kind of thing, on 64 bits without pointer compression (Node's builds).
 *
 * Each figure is the growth of `used_heap_size` over 10,000 to 100,000 equal things, divided by
 * their number, under Node 20.20 (V8 11.3); the structs are those of V8's src/objects. The test
 * __test__/unit/heap-growth.test.ts holds their sum against the heap of the Node that runs it.
 */

/** One tagged word: an element, a field, a pointer. */
export const WORD_BYTES = 8;

/** A double that has no place of its own: map and payload. Small integers need none. */
export const BOXED_DOUBLE_BYTES = 16;

/** Map, properties, elements. */
export const OBJECT_HEADER_BYTES = 24;

/** An empty `{}` reserves four fields beside its header. */
export const EMPTY_OBJECT_BYTES = 56;

/** JSArray: an object header and the length. */
export const ARRAY_HEADER_BYTES = 32;

/** Map and length of the backing store of an array or of indexed properties. */
export const ELEMENTS_HEADER_BYTES = 16;

/** From this many named properties on, JSON.parse builds a dictionary, not a hidden class. */
export const DICTIONARY_KEYS = 128;

/** A hidden class takes this many transitions; objects that need yet another become dictionaries. */
export const MAX_TRANSITIONS = 1536;

/** A hidden class that one new name asks for: Map 80, a descriptor 24, a transition 16. */
export const HIDDEN_CLASS_BYTES = 120;

/** Above this length `new Array(n)` is no longer a flat store. */
export const MAX_FLAT_ARRAY = 32 * 1024 * 1024;

/** Strings up to this length are made unique by JSON.parse, one copy a process. */
export const MAX_INTERNED_LENGTH = 10;

export const FUNCTION_BYTES = 64;
export const SYMBOL_BYTES = 24;
export const DATE_BYTES = 96;
export const REGEXP_BYTES = 56;
export const BOX_BYTES = 32;
/** The view's object; its bytes are counted with its buffer. */
export const VIEW_BYTES = 96;
export const ARRAY_BUFFER_BYTES = 88;
/** The object, and the frames captured at its making (576 measured with a stack of three). */
export const ERROR_BYTES = 576;
/** Stands for what may not be looked into: proxies, promises, weak collections, module namespaces. */
export const OPAQUE_BYTES = 64;

// Irregexp answers at once for a string that V8 holds in one byte a character, since no character
// of it can match; so this costs about 12 ns whatever the length (100,000 characters measured).
const WIDE_CHARACTER = /[^\0-\xff]/;

/** Heap bytes of a string: map, hash, length, then one or two bytes a character, in whole words. */
export function stringHeapBytes(value: string): number {
  // The empty string and the one-character Latin-1 strings exist once a process.
  if (value.length === 0) return 0;
  const wide = WIDE_CHARACTER.test(value);
  if (value.length === 1 && !wide) return 0;
  return 16 + roundUpToWord(wide ? value.length * 2 : value.length);
}

/** Heap bytes of a bigint: map and bit field, then its 64-bit digits. */
export function bigintHeapBytes(value: bigint): number {
  if (BigInt.asIntN(64, value) === value) return 24;
  return 16 + roundUpToWord(value.toString(16).length / 2);
}

/** Whether V8 keeps this number in the slot itself (a 32-bit integer, not -0). */
export function isSmallInteger(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0);
}

/** Heap bytes of a hash table of names or of sparse indices: key, value, details an entry. */
export function dictionaryBytes(entries: number): number {
  return 56 + 3 * WORD_BYTES * powerOfTwo(Math.max(4, entries + (entries >> 1)));
}

/** Heap bytes of a Map (3 words an entry) or a Set (2), with its half-word buckets. */
export function hashTableBytes(entries: number, wordsPerEntry: 2 | 3): number {
  const capacity = powerOfTwo(Math.max(4, entries));
  return ARRAY_HEADER_BYTES + 40 + capacity * (wordsPerEntry * WORD_BYTES + WORD_BYTES / 2);
}

/** Heap bytes of the indexed properties of an object that holds `count` of them up to `last`. */
export function indexedBytes(count: number, last: number): number {
  if (count === 0) return 0;
  // V8 prefers a flat store until a dictionary would take a third of its room.
  const capacity = powerOfTwo(Math.max(4, count + (count >> 1)));
  return 9 * capacity > last + 1
    ? ELEMENTS_HEADER_BYTES + WORD_BYTES * (last + 1)
    : dictionaryBytes(count);
}

function roundUpToWord(bytes: number): number {
  return Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}
