import { randomInt } from 'node:crypto';
import { GranaryError } from '../errors.ts';
import { callNative, loadAddon } from '../native/addon.ts';

/** What a process and its descendants use. */
export interface TreeFigures {
  readonly rssBytes: number;
  readonly descendantsRssBytes: number;
  /** Of the process, in ms. */
  readonly cpuMs: number;
  /** Of the children that it has waited for, in ms, in steps of 10. */
  readonly waitedCpuMs: number;
  /** Of the descendants that run, in ms. */
  readonly descendantsCpuMs: number;
  readonly descendants: number;
  /** Numbers of descriptors that are no network sockets; where there are many, those without room are below 0. */
  readonly files: readonly number[];
  /** Inodes of TCP and UDP sockets; the same. */
  readonly sockets: readonly number[];
}

/** Words of the shared block, of 64 bits; `crates/core/src/sampler/watch.rs` has the same numbers. */
const Word = {
  version: 0,
  nonce: 1,
  nonceEcho: 2,
  isGone: 4,
  rss: 5,
  descendantsRss: 6,
  cpu: 7,
  waitedCpu: 8,
  descendantsCpu: 9,
  descendants: 10,
  files: 11,
  sockets: 12,
  fileIds: 16,
  socketIds: 16 + 512,
} as const;
const MOST_IDS = 512;
/** Halves of a word: the lower comes first on every machine that Node runs on. */
const HALVES = 2;
/** A reader that is interrupted so often reads what the writer leaves. */
const MOST_ATTEMPTS = 100;

/**
 * A process and its descendants, looked at by a native thread every 50 ms (every 100 ms where more than eight are watched);
 * a read takes from shared memory what was seen last. Linux only.
 */
export class TreeWatch {
  readonly #watch: InstanceType<ReturnType<typeof loadAddon>['ProcessWatch']>;
  readonly #halves: Int32Array;
  readonly #words: Float64Array;

  /**
   * Takes a look at what is open: some 100 µs for a process that rests.
   *
   * @param fromNow - whether what is open already is not counted
   * @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` where the platform does not tell, memory cannot be shared, or there is no
   *   such process
   */
  constructor(pid: number, fromNow: boolean) {
    this.#watch = callNative(() => new (loadAddon().ProcessWatch)(pid, fromNow));
    const memory = callNative(() => this.#watch.memory());
    this.#halves = new Int32Array(memory);
    this.#words = new Float64Array(memory);
    const nonce = randomInt(1, 2 ** 31 - 1);
    this.#watch.writeNonce(nonce);
    const seen = Atomics.load(this.#halves, Word.nonce * HALVES);
    Atomics.store(this.#halves, Word.nonceEcho * HALVES, ~nonce);
    if (seen !== nonce || this.#watch.readEcho() !== ~nonce) {
      this.close();
      throw new GranaryError(
        'ERR_GRANARY_UNSUPPORTED_RUNTIME',
        'this runtime copies external buffers instead of sharing them (Electron does)',
      );
    }
  }

  /** What was seen last; `undefined` once the process is gone. Memory and CPU time are of now: some 20 µs a process. */
  read(): TreeFigures | undefined {
    this.#watch.lookQuickly();
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const before = Atomics.load(this.#halves, Word.version);
      if (before % 2 !== 0) continue;
      const figures = this.#copy();
      if (Atomics.load(this.#halves, Word.version) === before) return figures;
    }
    return this.#copy();
  }

  /** Has all of it looked at now, on another thread. */
  async look(): Promise<void> {
    await this.#watch.look();
  }

  close(): void {
    this.#watch.close();
  }

  #copy(): TreeFigures | undefined {
    const words = this.#words;
    const word = (at: number): number => words[at] ?? 0;
    if (word(Word.isGone) !== 0) return undefined;
    return {
      rssBytes: word(Word.rss),
      descendantsRssBytes: word(Word.descendantsRss),
      cpuMs: word(Word.cpu),
      waitedCpuMs: word(Word.waitedCpu),
      descendantsCpuMs: word(Word.descendantsCpu),
      descendants: word(Word.descendants),
      files: this.#ids(Word.fileIds, word(Word.files)),
      sockets: this.#ids(Word.socketIds, word(Word.sockets)),
    };
  }

  #ids(from: number, count: number): readonly number[] {
    if (count === 0) return NONE;
    const ids = Array.from(this.#words.subarray(from, from + Math.min(count, MOST_IDS)));
    while (ids.length < count) ids.push(-ids.length);
    return ids;
  }
}

const NONE: readonly number[] = [];
