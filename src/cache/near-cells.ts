import {
  blocksAt,
  CELLS_PER_BLOCK_LOG,
  countsAt,
  NearWord,
  sequencesAt,
} from '../native/store-block.ts';

/**
 * Where this thread counts its near hits, in memory that the store reads.
 *
 * A hit is a few plain writes. None is lost however many there are, since counts only grow and the
 * store takes the difference; their order is that of the sequences.
 */
export class NearCells {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #counts: number;
  readonly #sequences: number;
  readonly #blocks: number;
  #sequence = 0;

  constructor(words: Int32Array, cells: number) {
    this.#words = words;
    this.#times = new Float64Array(words.buffer);
    this.#counts = countsAt(cells);
    this.#sequences = sequencesAt(cells);
    this.#blocks = blocksAt(cells);
  }

  /** @param isManual whether `now` is a time of the user's, of any range, rather than a reading */
  count(cell: number, now: number, isManual: boolean): void {
    const words = this.#words;
    if (isManual) this.#times[NearWord.times / 2 + cell] = now;
    else words[NearWord.times + 2 * cell] = now;
    words[this.#counts + cell]!++;
    const sequence = (this.#sequence + 1) | 0;
    this.#sequence = sequence;
    words[this.#sequences + cell] = sequence;
    words[this.#blocks + (cell >> CELLS_PER_BLOCK_LOG)] = sequence;
    words[NearWord.sequence] = sequence;
  }

  /** Hits that a cell has counted, of whatever it counts. */
  hitsOf(cell: number): number {
    return this.#words[this.#counts + cell]!;
  }
}
