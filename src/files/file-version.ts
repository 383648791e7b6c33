import type { FileHandle } from 'node:fs/promises';

const NS_PER_S = 1_000_000_000n;

/**
 * Within this time a file may change twice and its times only once: they move with the ticks of the
 * system, or in whole seconds or two where the file system keeps no more.
 */
const FINE_NS = 50_000_000n;
const COARSE_NS = 2n * NS_PER_S;

/**
 * Names the state of a file: it is another one after every change of it, also by programs that put
 * its modification time back, since nothing but the system sets the time of the last change (ctime).
 *
 * @returns `undefined` where the last change is too recent to be told from one that follows
 */
export async function versionOf(handle: FileHandle): Promise<string | undefined> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  const age = BigInt(Date.now()) * 1_000_000n - ctimeNs;
  const isSettled = age > (ctimeNs % NS_PER_S === 0n ? COARSE_NS : FINE_NS);
  return isSettled ? `version ${[dev, ino, size, mtimeNs, ctimeNs].join(' ')}` : undefined;
}
