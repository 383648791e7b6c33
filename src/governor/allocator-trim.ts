import { callNative, loadAddon } from '../native/addon.ts';

/**
 * Has the C library give memory that is free back to the system: what threads have freed glibc keeps for later, in up to
 * eight arenas a core, and it counts as held. Takes some ms, on another thread; nothing where there is no addon.
 */
export async function trimAllocator(): Promise<void> {
  try {
    await callNative(loadAddon).trimAllocator();
  } catch {
    // Then what is free stays held, and is taken for what the rest needs.
  }
}
