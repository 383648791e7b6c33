import PQueue from 'p-queue';

import {
  EnhancedResourceManager,
  type EnhancedResourceManagerOptions,
  type IsolationKind,
} from 'mcp-granary/governor';
import { MIB, type Tool, TOOLS } from './jobs.ts';
import type { Answer } from './tools.ts';

/** What the whole process and all that it starts may hold, in bytes. */
export const LIMIT_BYTES = 512 * MIB;
/** What one execution may need at most, by who wrote the tool: all that is known before the first. */
const DECLARED_MIB: Readonly<Record<Tool, number>> = {
  render: 210,
  search: 16,
  score: 16,
  report: 80,
};

/** Whatever decides when a job begins. */
export interface Contender {
  run(tool: string, input: Uint8Array): Promise<Answer>;
  close(): Promise<void>;
}

const MODULE = new URL('tools.js', import.meta.url);

/** All run jobs in the same way, and differ in when they begin. */
function open(kind: IsolationKind, admission: EnhancedResourceManagerOptions['admission'] & {}) {
  const governor = new EnhancedResourceManager({
    admission,
    ...{ maxWaiting: 100_000, maxWaitMs: 600_000 },
    worker: { maxIdle: 8 },
    process: { maxIdle: 2 },
  });
  for (const tool of TOOLS) {
    // Descriptors of threads are guesses, and no matter here.
    const limits = { maxMemoryBytes: LIMIT_BYTES, maxFileHandles: Infinity };
    const expectedMemoryBytes = DECLARED_MIB[tool] * MIB;
    governor.initializeTool(tool, limits, limits, { isolation: kind, expectedMemoryBytes });
  }
  const run = (tool: string, input: Uint8Array): Promise<Answer> =>
    governor.execute(tool, { module: MODULE, export: tool, args: [input] });
  return { run, close: () => governor.close() };
}

function cap(concurrency: number): (kind: IsolationKind) => Contender {
  return (kind) => {
    const { run, close } = open(kind, false);
    const queue = new PQueue({ concurrency });
    return { run: (tool, input) => queue.add(() => run(tool, input)), close };
  };
}

function granary(kind: IsolationKind): Contender {
  return open(kind, { memoryBytes: Math.floor(0.9 * LIMIT_BYTES) });
}

/** How many run at a time, at most, where nothing is predicted. */
const CAPS = [1, 2, 3, 4, 6, 8] as const;

/** By name. */
export const CONTENDERS: ReadonlyMap<string, (kind: IsolationKind) => Contender> = new Map([
  ...CAPS.map((concurrency) => [`cap-${concurrency}`, cap(concurrency)] as const),
  ['granary', granary],
]);
