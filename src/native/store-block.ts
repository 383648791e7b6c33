const LINE = 16;
/** Where the words end that prove the mapping (`heap-block.ts`, `Word.nonce`). */
const HEADER = 7 * LINE;

/** Words that all threads of a store share; `crates/core/src/store/words.rs` has the same numbers. */
export const SharedWord = {
  clock: 0,
  accessListeners: LINE,
} as const;

/** Words of one handle; `crates/core/src/store/near.rs` has the same numbers. */
export const NearWord = {
  stripe: 0,
  version: 1,
  trustedMs: 2,
  reading: 3,
  kind: 4,
  fault: 5,
  /** Index into a Float64Array over the same memory. */
  deadline: 3,
  messages: LINE,
  sequence: 2 * LINE,
  /** Where the cells begin. */
  cells: HEADER,
} as const;

/**
 * Words of one cell, as a shift: the time of its last hit (two words), how many there were, the last's
 * sequence.
 */
export const CELL_WORDS_LOG = 2;
export const CELL_COUNT = 2;
export const CELL_SEQUENCE = 3;

/** Cells of one block, as a shift. */
export const CELLS_PER_BLOCK_LOG = 6;

/** Where the last sequences of the blocks of cells begin. */
export function blocksAt(cells: number): number {
  return HEADER + (cells << CELL_WORDS_LOG);
}
