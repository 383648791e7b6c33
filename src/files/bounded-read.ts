import type { ConfinedFile } from './confined-file.ts';

/**
 * Reads a file to its end, but never more than a byte above the bound: a file may grow while it is
 * read, and some (below /proc) do not tell their size.
 *
 * @returns `undefined` where there are more than `maxBytes`
 */
export async function readBounded(
  { handle, stats }: ConfinedFile,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (stats.size > maxBytes) return undefined;
  // One more byte than expected, so that the end shows without growing.
  let buffer = Buffer.allocUnsafe(stats.size + 1);
  let length = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
    if (length > maxBytes) return undefined;
    if (length < buffer.length) continue;
    const larger = Buffer.allocUnsafe(Math.min(Math.max(buffer.length * 2, 65_536), maxBytes + 1));
    buffer.copy(larger);
    buffer = larger;
  }
}
