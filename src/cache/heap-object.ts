import { types } from 'node:util';

import { arrayBufferBytes, viewStorage } from './buffer-weight.ts';
import {
  ARRAY_BUFFER_BYTES,
  ARRAY_HEADER_BYTES,
  BOX_BYTES,
  DATE_BYTES,
  DICTIONARY_KEYS,
  ELEMENTS_HEADER_BYTES,
  EMPTY_OBJECT_BYTES,
  ERROR_BYTES,
  FUNCTION_BYTES,
  MAX_FLAT_ARRAY,
  OBJECT_HEADER_BYTES,
  OPAQUE_BYTES,
  REGEXP_BYTES,
  VIEW_BYTES,
  WORD_BYTES,
  dictionaryBytes,
  hashTableBytes,
  indexedBytes,
  stringHeapBytes,
} from './heap-layout.ts';
import { ABSENT, intrinsicGetter, ownValue } from './own-property.ts';

/** An object as the estimate sees it: what it costs by itself, and where its children are read. */
export interface HeapObject {
  /** Bytes of the object itself, one slot for each child included. */
  readonly bytes: number;
  /** How many children there are to read. */
  readonly children: number;
  /** What the children are read from by `keys`, or by index where there are none. */
  readonly holder: object;
  readonly keys: readonly PropertyKey[] | undefined;
  /** How many of the keys are indices; they come first. */
  readonly indices: number;
  /** Of how many children each one that can be read is an example. */
  readonly childWeight: number;
  /** The names are held by this object itself rather than by a hidden class. */
  readonly dictionary: boolean;
}

/** So many entries of one Map or Set are taken as a sample of all. */
const MAX_TAKEN_ENTRIES = 4_096;

/** A Map or Set can only be read from its start; beyond this entry the rest is taken to be alike. */
const MAX_PASSED_ENTRIES = 1_000_000;

const SPARSENESS_PROBES = 64;

const { getPrototypeOf, keys: ownNames, prototype: objectPrototype } = Object;
const { ownKeys } = Reflect;
const mapSize = intrinsicGetter(Map.prototype, 'size');
const setSize = intrinsicGetter(Set.prototype, 'size');
const regExpSource = intrinsicGetter(RegExp.prototype, 'source');

/** Whether an object is a plain one, as a literal or JSON.parse makes it. Not for proxies. */
export function isPlainObject(value: object): boolean {
  const prototype = getPrototypeOf(value) as unknown;
  return prototype === objectPrototype || prototype === null;
}

/** Looks at an object or function without running any code of its own. */
export function openHeapObject(value: object): HeapObject {
  if (typeof value === 'function') return leaf(value, FUNCTION_BYTES);
  // A view is asked first, for the keys of one are all its indices.
  if (ArrayBuffer.isView(value)) return openView(value);
  if (types.isProxy(value)) return leaf(value, OPAQUE_BYTES);
  if (Array.isArray(value)) return openArray(value);
  return isPlainObject(value) ? openPlain(value) : openExotic(value);
}

function leaf(holder: object, bytes: number): HeapObject {
  return {
    bytes,
    children: 0,
    holder,
    keys: undefined,
    indices: 0,
    childWeight: 1,
    dictionary: false,
  };
}

function listed(
  holder: readonly unknown[],
  bytes: number,
  children: number,
  childWeight = 1,
): HeapObject {
  return { bytes, children, holder, keys: undefined, indices: 0, childWeight, dictionary: false };
}

function openArray(value: readonly unknown[]): HeapObject {
  const { length } = value;
  if (length === 0) return leaf(value, ARRAY_HEADER_BYTES);
  if (length > MAX_FLAT_ARRAY && isSparse(value)) {
    return openNamed(value, ownNames(value), ARRAY_HEADER_BYTES);
  }
  return listed(value, ARRAY_HEADER_BYTES + ELEMENTS_HEADER_BYTES + WORD_BYTES * length, length);
}

/** An array this long is flat only if it was filled; then every probe meets an element. */
function isSparse(value: readonly unknown[]): boolean {
  const step = Math.floor(value.length / SPARSENESS_PROBES);
  for (let i = 0; i < SPARSENESS_PROBES; i++) {
    if (ownValue(value, i * step) === ABSENT) return true;
  }
  return false;
}

function openPlain(value: object): HeapObject {
  const keys = ownNames(value);
  return keys.length === 0
    ? leaf(value, EMPTY_OBJECT_BYTES)
    : openNamed(value, keys, OBJECT_HEADER_BYTES);
}

function openNamed(holder: object, keys: readonly PropertyKey[], header: number): HeapObject {
  const indices = countIndices(keys);
  const names = keys.length - indices;
  const dictionary = names >= DICTIONARY_KEYS;
  const last = indices === 0 ? 0 : Number(keys[indices - 1]);
  const bytes =
    header +
    (dictionary ? dictionaryBytes(names) : WORD_BYTES * names) +
    indexedBytes(indices, last);
  return { bytes, children: keys.length, holder, keys, indices, childWeight: 1, dictionary };
}

/** Indices come first and ascend (ECMAScript, OrdinaryOwnPropertyKeys), so halving finds the end. */
function countIndices(keys: readonly PropertyKey[]): number {
  if (keys.length === 0 || !isIndex(keys[0]!)) return 0;
  let from = 1;
  let to = keys.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isIndex(keys[middle]!)) from = middle + 1;
    else to = middle;
  }
  return from;
}

function isIndex(key: PropertyKey): boolean {
  return typeof key === 'string' && String(Number(key) >>> 0) === key && key !== '4294967295';
}

function openView(view: ArrayBufferView): HeapObject {
  const { bytes, whole } = viewStorage(view);
  return whole === undefined ? leaf(view, VIEW_BYTES + bytes) : listed([whole], VIEW_BYTES, 1);
}

function openExotic(value: object): HeapObject {
  if (types.isAnyArrayBuffer(value))
    return leaf(value, ARRAY_BUFFER_BYTES + arrayBufferBytes(value));
  if (types.isMap(value)) return openMap(value);
  if (types.isSet(value)) return openSet(value);
  if (types.isDate(value)) return leaf(value, DATE_BYTES);
  if (types.isRegExp(value)) {
    return leaf(value, REGEXP_BYTES + stringHeapBytes(regExpSource(value) as string));
  }
  if (types.isBoxedPrimitive(value)) return listed([unbox(value)], BOX_BYTES, 1);
  // Reading a binding that is not initialised yet throws.
  if (types.isModuleNamespaceObject(value)) return leaf(value, OPAQUE_BYTES);
  if (types.isNativeError(value)) {
    // Reading a stack for the first time formats it, through Error.prepareStackTrace.
    return openNamed(
      value,
      ownKeys(value).filter((key) => key !== 'stack'),
      ERROR_BYTES,
    );
  }
  return openNamed(value, ownKeys(value), OBJECT_HEADER_BYTES);
}

function unbox(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isBigIntObject(value)) return BigInt.prototype.valueOf.call(value);
  return undefined;
}

function openMap(map: ReadonlyMap<unknown, unknown>): HeapObject {
  const size = mapSize(map) as number;
  const taken: unknown[] = [];
  for (const entry of sample(Map.prototype.entries.call(map), size)) taken.push(entry[0], entry[1]);
  const weight = (2 * size) / Math.max(1, taken.length);
  return listed(taken, hashTableBytes(size, 3), taken.length, weight);
}

function openSet(set: ReadonlySet<unknown>): HeapObject {
  const size = setSize(set) as number;
  const taken = [...sample(Set.prototype.values.call(set), size)];
  const weight = size / Math.max(1, taken.length);
  return listed(taken, hashTableBytes(size, 2), taken.length, weight);
}

/** About {@link MAX_TAKEN_ENTRIES} entries, spread so that no period of the data is followed. */
function* sample<T>(entries: Iterable<T>, size: number): Generator<T> {
  const step = Math.ceil(Math.min(size, MAX_PASSED_ENTRIES) / MAX_TAKEN_ENTRIES);
  let passed = 0;
  for (const entry of entries) {
    // Fibonacci hashing of the position: Knuth, The Art of Computer Programming 3, 6.4.
    if ((Math.imul(passed, 0x9e3779b1) >>> 16) % step === 0) yield entry;
    if (++passed === MAX_PASSED_ENTRIES) return;
  }
}
