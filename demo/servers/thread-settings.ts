/** What the process of the threads is told, on its standard input. */
export interface ThreadSettings {
  /** Folder of the documents. */
  readonly root: string;
  /** Folder of the one file that changes. */
  readonly notes: string;
  /** One store for all threads, or a cache of its own in each. */
  readonly storage: 'heap' | 'native';
  readonly threads: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** With one store: how many decoded documents each thread keeps at hand. */
  readonly nearEntries: number;
  readonly documents: readonly ThreadDocument[];
  /** How many times over each document is served, so that memory shows. */
  readonly copies: number;
  /** How many reads each thread does, by Zipf's law with this exponent, once it has read them all. */
  readonly reads: number;
  readonly exponent: number;
  /** How often a file is changed, and dropped by one of the threads. */
  readonly changes: number;
}

/** A document, and what is served of it: so many UTF-16 units, and their digest. */
export interface ThreadDocument {
  readonly uri: string;
  readonly length: number;
  readonly digest: string;
}

/** What the process of the threads tells when it ends, on its standard output. */
export interface ThreadFigures {
  readonly reads: number;
  readonly wrongAnswers: number;
  readonly originLoads: number;
  /** Of all threads together, once all is loaded. */
  readonly readsPerSecond: number;
  /** The process before the first read. */
  readonly idleRssBytes: number;
  /** The same with everything cached, when garbage has been collected. */
  readonly fullRssBytes: number;
  /** Reads of a changed file by threads that did not change it. */
  readonly readsAfterChange: number;
  /** Those of them that gave the content of before. */
  readonly staleReads: number;
}

/** What a thread is asked for. */
export type ThreadRequest =
  | { readonly ask: 'read-all' | 'read-skewed'; readonly seed: number }
  | { readonly ask: 'read-note' }
  | { readonly ask: 'drop-note' }
  | { readonly ask: 'collect-garbage' }
  | { readonly ask: 'origin-loads' };

/** What it answers: how many answers were wrong, a text, or a number of loads. */
export type ThreadAnswer = string | number;

export const NOTE = 'README.md';
export const NOTE_TEMPLATE = 'note://{+path}';
export const NOTE_URI = `note://${NOTE}`;
