import type { StoreHandle } from '../../crates/binding/binding.cjs';
import { callNative, loadAddon } from './addon.ts';
import { mapBlock } from './heap-block.ts';
import { threadWaker } from './store-waker.ts';

export type {
  StoreFailure,
  StoreHandle,
  StoreMessage,
  StorePlace,
  StoreRevalidation,
  StoreDump,
} from '../../crates/binding/binding.cjs';

/** How a store is opened. */
export interface StoreOpening {
  readonly name: string | undefined;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly policy: string;
  readonly nearEntries: number;
  readonly clock: object | undefined;
}

/** A store as this thread has it open, and the memory that both sides see. */
export interface OpenedStore {
  readonly handle: StoreHandle;
  /** What all threads of the store share. */
  readonly words: Int32Array;
  /** What this handle has to itself. */
  readonly own: Int32Array;
}

/**
 * Opens a native store and proves that its memory is shared.
 *
 * @throws `ERR_GRANARY_NAME_IN_USE` where the name is open with other options;
 * `ERR_GRANARY_UNSUPPORTED_RUNTIME`
 */
export function openStore(opening: StoreOpening, startMs: number): OpenedStore {
  const { name, maxEntries, maxBytes, policy, nearEntries, clock } = opening;
  const addon = loadAddon();
  const manual = clock !== undefined;
  const options = { maxEntries, maxBytes, policy, manual, nearEntries, startMs };
  const handle = callNative(
    () => new addon.StoreHandle(name === undefined ? options : { ...options, name }, threadWaker()),
  );
  try {
    // The proof is the handle's own: in the words of all, threads that open at once would write theirs.
    const own = callNative(() =>
      mapBlock({
        memory: () => handle.memory(true),
        writeNonce: (nonce) => handle.writeNonce(nonce),
        readEcho: () => handle.readEcho(),
      }),
    );
    return { handle, words: new Int32Array(callNative(() => handle.memory(false))), own };
  } catch (error) {
    handle.close();
    throw error;
  }
}
