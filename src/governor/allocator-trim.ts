import { callNative, loadAddon } from '../native/addon.ts';

/**
 * Has the C library give memory that is free back to the system, now and from now on: glibc learns to keep what threads
 * free, up to 64 MiB in each of eight arenas a core, and that counts as held. Takes some ms, on another thread; nothing
 * where there is no addon.
 */
export async function trimAllocator(): Promise<void> {
  try {
    await callNative(loadAddon).trimAllocator();
  } catch {
    // Then what is free stays held, and is taken for what the rest needs.
  }
}
