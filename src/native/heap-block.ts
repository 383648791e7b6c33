import { randomInt } from 'node:crypto';
import { GranaryError } from '../errors.ts';

const LINE = 16;

/** Header words of the shared block; `crates/core/src/block.rs` has the same numbers. */
export const Word = {
  clock: 0,
  usedAt: LINE,
  accessHead: LINE + 1,
  operationHead: 2 * LINE,
  operationTail: 3 * LINE,
  noticeHead: 4 * LINE,
  noticeTail: 5 * LINE,
  nonce: 6 * LINE,
  nonceEcho: 6 * LINE + 1,
  seedLow: 6 * LINE + 2,
  seedHigh: 6 * LINE + 3,
  accessCapacity: 6 * LINE + 4,
  operationCapacity: 6 * LINE + 5,
  noticeCapacity: 6 * LINE + 6,
  header: 7 * LINE,
} as const;

/** Words of one operation: kind, slot, ticket, hash (2), bytes (2), uses. */
export const OPERATION_WORDS = 8;
/** Words of one notice: slot, ticket. */
export const NOTICE_WORDS = 2;

/** What maps a block: the addon, or in tests a runtime that copies. */
export interface BlockSource {
  memory(): ArrayBuffer;
  writeNonce(nonce: number): void;
  readEcho(): number;
}

/**
 * Lays a typed array over a core's memory, and proves that it is that memory.
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
        "use policy 'lru' with a clock of your own, which need no shared memory",
    );
  }
  return words;
}
