import { fileURLToPath } from 'node:url';

import type { DocumentSet } from './documents.ts';
import { ServerProcess } from './server-process.ts';
import { formatServerArguments } from './servers/server-arguments.ts';
import type { Settings } from './settings.ts';
import { bytes, count } from './figures.ts';

export const CONTENDERS = ['SDK alone', 'with granary'] as const;
export type Contender = (typeof CONTENDERS)[number];

const PROGRAMS: Readonly<Record<Contender, string>> = {
  'SDK alone': './servers/plain.js',
  'with granary': './servers/granary.js',
};

/** Two servers of the same documents, without and with granary, and what both are up against. */
export interface Workload {
  readonly name: string;
  /** By which each read of the origin is delayed, in both servers. */
  readonly delayMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** The bound that the documents do not fit into. */
  readonly binds: 'entries' | 'bytes' | 'nothing';
}

export const SLOW_ORIGIN_MS = 2;

/** One workload that all documents fit into, and one for each bound that a quarter of them fits into. */
export function workloads({
  documents,
  sizeBytes,
}: DocumentSet): readonly [Workload, Workload, Workload] {
  const ample = { maxEntries: 2 * documents.length, maxBytes: 8 * sizeBytes };
  const maxEntries = Math.max(1, documents.length >> 2);
  const maxBytes = Math.max(1, sizeBytes >> 2);
  return [
    { name: 'files, room for all', delayMs: 0, ...ample, binds: 'nothing' },
    {
      name: `files, room for ${count(maxEntries)} of them`,
      delayMs: 0,
      ...ample,
      maxEntries,
      binds: 'entries',
    },
    {
      name: `slow origin (+${SLOW_ORIGIN_MS} ms), room for ${bytes(maxBytes)}`,
      delayMs: SLOW_ORIGIN_MS,
      ...ample,
      maxBytes,
      binds: 'bytes',
    },
  ];
}

/** Starts one of the two servers, with nothing cached yet. */
export function startServer(
  contender: Contender,
  { name, delayMs, maxEntries, maxBytes }: Workload,
  { root, granaryRoot }: Settings,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const program = fileURLToPath(new URL(PROGRAMS[contender], import.meta.url));
  const given = {
    root: contender === 'with granary' ? granaryRoot : root,
    delayMs,
    maxEntries,
    maxBytes,
  };
  return ServerProcess.start(
    `${contender}, ${name},`,
    [program, ...formatServerArguments(given)],
    signal,
  );
}
