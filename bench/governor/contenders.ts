import { AsyncLocalStorage } from 'node:async_hooks';

import { EnhancedResourceManager, InlineIsolation } from 'mcp-granary/governor';

/** Whatever runs the code of a tool on this thread. */
export interface Executor {
  execute(tool: string, code: () => Promise<number>): Promise<number>;
  /** How many it knows to have run; `undefined` where it keeps no books. */
  executions(): number | undefined;
  close(): Promise<void>;
}

/** Among how many tools executions are divided. */
export const TOOLS = 100;

/** Knows whose code runs, and nothing else: what any attribution needs. */
function asyncLocalStorage(): Executor {
  const storage = new AsyncLocalStorage<{ readonly tool: string }>();
  return {
    execute: async (tool, code) => storage.run({ tool }, code),
    executions: () => undefined,
    close: async () => undefined,
  };
}

/** Measures: CPU, memory, sockets, descriptors, leaks. */
function inlineIsolation(): Executor {
  const isolation = new InlineIsolation();
  return {
    execute: (tool, code) => isolation.start(tool, code, {}).result,
    executions: () => undefined,
    close: () => isolation.close(),
  };
}

/** Measures, keeps books and history, and holds limits. */
function governor(): Executor {
  const manager = new EnhancedResourceManager();
  for (let n = 0; n < TOOLS; n++) manager.initializeTool(`tool ${n}`);
  return {
    execute: (tool, code) => manager.execute(tool, code),
    executions: () =>
      manager.tracker.tools.reduce((sum, tool) => sum + manager.tracker.executionCount(tool), 0),
    close: () => manager.close(),
  };
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, () => Executor> = new Map([
  ['als', asyncLocalStorage],
  ['granary-inline', inlineIsolation],
  ['granary', governor],
]);
