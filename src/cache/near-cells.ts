import {
  blocksAt,
  CELL_COUNT,
  CELL_SEQUENCE,
  CELL_WORDS,
  CELLS_PER_BLOCK_LOG,
  NearWord,
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
  readonly #blocks: number;
  #sequence = 0;

  constructor(words: Int32Array, cells: number) {
    this.#words = words;
    this.#times = new Float64Array(words.buffer);
    this.#blocks = blocksAt(cells);
  }

  /** @param isManual whether `now` is a time of the user's, of any range, rather than a reading */
  count(cell: number, now: number, isManual: boolean): void {
    const words = this.#words;
    const at = NearWord.cells + CELL_WORDS * cell;
    if (isManual) this.#times[at / 2] = now;
    else words[at] = now;
    words[at + CELL_COUNT]!++;
    const sequence = (this.#sequence + 1) | 0;
    this.#sequence = sequence;
    words[at + CELL_SEQUENCE] = sequence;
    words[this.#blocks + (cell >> CELLS_PER_BLOCK_LOG)] = sequence;
    words[NearWord.sequence] = sequence;
  }

  /** Hits that a cell has counted, of whatever it counts. */
  hitsOf(cell: number): number {
    return this.#words[NearWord.cells + CELL_WORDS * cell + CELL_COUNT]!;
  }
}
