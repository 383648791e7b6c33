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
  /** Index of the first cell's time; into a Float64Array, half of it. */
  times: HEADER,
} as const;

/** Where the counts of the cells begin. */
export function countsAt(cells: number): number {
  return HEADER + 2 * cells;
}

/** Where the last sequences of the blocks of cells begin. */
export function blocksAt(cells: number): number {
  return HEADER + 4 * cells;
}

/** Cells of one block, as a shift. */
export const CELLS_PER_BLOCK_LOG = 6;

/** Where the sequences of the cells begin. */
export function sequencesAt(cells: number): number {
  return HEADER + 3 * cells;
}
