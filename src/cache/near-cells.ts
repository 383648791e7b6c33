import {
  blocksAt,
  CELL_COUNT,
  CELL_SEQUENCE,
  CELL_WORDS_LOG,
  CELLS_PER_BLOCK_LOG,
  NearWord,
} from '../native/store-block.ts';

// Constants of this module are part of the compiled code; imported ones are loaded at each use.
const CELLS = NearWord.cells;
const CELL_LOG = CELL_WORDS_LOG;
const COUNT = CELL_COUNT;
const SEQUENCE = CELL_SEQUENCE;
const BLOCK_LOG = CELLS_PER_BLOCK_LOG;
const LAST_SEQUENCE = NearWord.sequence;

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

  /** @param now a reading of the clock */
  count(cell: number, now: number): void {
    const at = (CELLS + (cell << CELL_LOG)) | 0;
    this.#words[at] = now;
    this.#count(cell, at);
  }

  /** @param now a time of the user's, of any range */
  countBy(cell: number, now: number): void {
    const at = CELLS + (cell << CELL_LOG);
    this.#times[at / 2] = now;
    this.#count(cell, at);
  }

  #count(cell: number, at: number): void {
    const words = this.#words;
    // Bits, not sums: compiled code looks for no overflow. Cells begin at multiples of their size.
    words[at | COUNT] = (words[at | COUNT]! + 1) | 0;
    const sequence = (this.#sequence + 1) | 0;
    this.#sequence = sequence;
    words[at | SEQUENCE] = sequence;
    words[(this.#blocks + (cell >> BLOCK_LOG)) | 0] = sequence;
    words[LAST_SEQUENCE] = sequence;
  }

  /** Hits that a cell has counted, of whatever it counts. */
  hitsOf(cell: number): number {
    return this.#words[CELLS + (cell << CELL_LOG) + COUNT]!;
  }
}
