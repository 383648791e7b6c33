/** What a store is filled with. */
export interface MemoryWorkload {
  readonly name: string;
  readonly entries: number;
  /** Length of one value as text: as a string, or as its JSON. */
  readonly valueBytes: number;
  /** The value of an entry: another one each time, which nobody else holds. */
  make(index: number): unknown;
}

/** The key of an entry; all of a workload are of one length. */
export function uriOf(index: number): string {
  return `res://host-${index % 10}/documents/${String(index).padStart(8, '0')}`;
}

/** The length of every key. */
export const KEY_BYTES = uriOf(0).length;

const TEXTS = 'The quick brown fox jumps over the lazy dog; 0123456789 times. '.repeat(1_100);

/** Text of so many ASCII characters, in memory of its own. */
function text(index: number, length: number): string {
  const number = String(index).padStart(8, '0');
  return Buffer.from(number + TEXTS.slice(8, length), 'latin1').toString('latin1');
}

function strings(length: number, entries: number): MemoryWorkload {
  return {
    name: `${entries} strings of ${length} B`,
    entries,
    valueBytes: length,
    make: (index) => text(index, length),
  };
}

function readResultJson(index: number): string {
  const contents = [0, 1].map((part) => ({
    uri: `${uriOf(index)}#${part}`,
    mimeType: 'text/plain',
    text: text(index, 400),
  }));
  return JSON.stringify({ contents });
}

/** Results of `resources/read` as a client holds them: out of `JSON.parse`. */
function readResults(entries: number): MemoryWorkload {
  return {
    name: `${entries} parsed read results of 1 kB`,
    entries,
    valueBytes: readResultJson(0).length,
    make: (index) => JSON.parse(readResultJson(index)) as unknown,
  };
}

export const WORKLOADS: readonly MemoryWorkload[] = [
  strings(200, 100_000),
  readResults(100_000),
  strings(64_000, 2_000),
];
