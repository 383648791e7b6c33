import type { ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';

import type { ServerProcess } from './server-process.ts';

/** One server's answers to one part of the sequence. */
export interface ReadRound {
  readonly elapsedMs: number;
  /** By request, from the client's call to its answer; in the order of the requests. */
  readonly readMs: Float64Array;
  readonly answers: readonly ReadResourceResult[];
}

/**
 * Reads URIs in their order, so many at the same time.
 *
 * @throws (rejects with) the first failure
 */
export async function readRound(
  server: ServerProcess,
  uris: readonly string[],
  inFlight: number,
): Promise<ReadRound> {
  const readMs = new Float64Array(uris.length);
  const answers: ReadResourceResult[] = Array.from({ length: uris.length });
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < uris.length) {
      const index = next++;
      const start = performance.now();
      answers[index] = await server.read(uris[index] ?? '');
      readMs[index] = performance.now() - start;
    }
  };
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: inFlight }, readOn));
  } catch (cause) {
    throw server.failure(cause);
  }
  return { elapsedMs: performance.now() - start, readMs, answers };
}
