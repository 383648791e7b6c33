import { randomInt } from 'node:crypto';
import { GranaryError } from '../errors.ts';

const LINE = 16;

/** Words of the shared block; `crates/core/src/block.rs` has the same numbers. */
export const Word = {
  clock: 0,
  usedAt: LINE,
  nonce: 6 * LINE,
  nonceEcho: 6 * LINE + 1,
  end: 7 * LINE,
} as const;

/** What maps a block: the addon, or in tests a runtime that copies. */
export interface BlockSource {
  memory(): ArrayBuffer;
  writeNonce(nonce: number): void;
  readEcho(): number;
}

/**
 * Lays a typed array over native memory, and proves that it is that memory.
 *
 * Where external buffers are forbidden (Electron) the binding layer hands out a copy without a word:
 * its clock would stand still and expired values would be served for ever.
 *
 * @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` where the memory is not shared.
 */
export function mapBlock(source: BlockSource): Int32Array {
  const words = new Int32Array(source.memory());
  const nonce = randomInt(1, 2 ** 31 - 1);
  source.writeNonce(nonce);
  const seen = Atomics.load(words, Word.nonce);
  Atomics.store(words, Word.nonceEcho, ~nonce);
  if (seen !== nonce || source.readEcho() !== ~nonce) {
    throw new GranaryError(
      'ERR_GRANARY_UNSUPPORTED_RUNTIME',
      'this runtime copies external buffers instead of sharing them (Electron does): ' +
        "use storage 'heap' with a clock of your own, which needs no shared memory",
    );
  }
  return words;
}
