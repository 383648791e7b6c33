/** Strings of a workload are flat: a rope is flattened by the first cache that hashes it. */

const VALUE_LENGTH = 200;
const TEXT = 'The quick brown fox jumps over the lazy dog; 0123456789 times. '.repeat(4);

/** Stands for the number of the page in a text that many pages are made of. */
const PAGE_MARK = '@@@@@@@@';
const PAGE_KEYS = 1e6;

/** The key of an entry. */
export function keyOf(index: number): string {
  return pagedKey(String(Math.floor(index / PAGE_KEYS)).padStart(8, '0'), index % PAGE_KEYS);
}

/** The length of every key. */
export const KEY_LENGTH = keyOf(0).length;

function pagedKey(page: string, index: number): string {
  return `res://host-${index % 10}/documents/${page}${String(index).padStart(6, '0')}`;
}

/** Of one object: the engine takes three times as long a name for one of many thousands. */
const NAMES_AT_ONCE = 1_000;

/** Keys that the engine holds once, as it does those in a program's text. */
export function internedKeys(count: number, first = 0): string[] {
  const keys: string[] = [];
  for (let from = 0; from < count; from += NAMES_AT_ONCE) {
    const length = Math.min(NAMES_AT_ONCE, count - from);
    const names = Array.from({ length }, (_, index) => `"${keyOf(first + from + index)}":0`);
    // Names of properties are interned, also those that JSON.parse finds.
    keys.push(...Object.keys(JSON.parse(`{${names.join(',')}}`) as object));
  }
  return keys;
}

/** Keys that nobody has hashed yet, as those in a request are. */
export class ParsedKeys {
  readonly #text: string;

  constructor(keys: readonly string[]) {
    this.#text = JSON.stringify(keys);
  }

  next(): string[] {
    return JSON.parse(this.#text) as string[];
  }
}

/** Pages of keys that were never seen before. */
export class NewKeys {
  readonly #text: string;
  #page = 0;

  constructor(count: number) {
    this.#text = JSON.stringify(Array.from({ length: count }, (_, i) => pagedKey(PAGE_MARK, i)));
  }

  next(): string[] {
    // Page 0 is what the caches are filled with.
    this.#page++;
    const page = String(this.#page).padStart(PAGE_MARK.length, '0');
    return JSON.parse(this.#text.replaceAll(PAGE_MARK, page)) as string[];
  }
}

/** A string of 200 characters. */
export function stringOf(index: number): string {
  const text = `${String(index).padStart(8, '0')} ${TEXT}`.slice(0, VALUE_LENGTH);
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** The result of a `resources/read` as a client holds it: out of `JSON.parse`. */
export function readResultOf(index: number): unknown {
  const contents = [{ uri: keyOf(index), mimeType: 'text/plain', text: stringOf(index) }];
  return JSON.parse(JSON.stringify({ contents }));
}

export function valuesOf(count: number, valueOf: (index: number) => unknown, first = 0): unknown[] {
  return Array.from({ length: count }, (_, index) => valueOf(first + index));
}

export { VALUE_LENGTH };
