import type { StoreWaker } from '../../crates/binding/binding.cjs';
import { callNative, loadAddon } from './addon.ts';

/** What is woken when other threads have something to tell. */
export interface Wakeable {
  takeMessages(): void;
}

const wakeables = new Set<WeakRef<Wakeable>>();
let waker: StoreWaker | undefined;

/**
 * @returns the one waker of this thread. It keeps the event loop alive for nobody: whoever waits for
 *   another thread does that himself.
 */
export function threadWaker(): StoreWaker {
  waker ??= callNative(() => {
    const { StoreWaker: Waker } = loadAddon();
    return new Waker(wakeAll);
  });
  return waker;
}

/** Has `wakeable` woken from here on; it may be dropped without a word. */
export function addWakeable(wakeable: Wakeable): () => void {
  const reference = new WeakRef(wakeable);
  wakeables.add(reference);
  return () => wakeables.delete(reference);
}

function wakeAll(): void {
  for (const reference of wakeables) {
    const wakeable = reference.deref();
    if (wakeable === undefined) wakeables.delete(reference);
    else wakeable.takeMessages();
  }
}
