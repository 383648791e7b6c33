import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution, Isolation, ModuleTask } from '../../src/governor/execution.ts';
import { deferred } from '../support/deferred.ts';

/** @returns a task of known-use.fixture.mjs */
export function knownUse(name: string, ...args: readonly unknown[]): ModuleTask {
  return { module: new URL('known-use.fixture.mjs', import.meta.url), export: name, args };
}

/** Runs a tool until it says that it holds what it takes, looks at it, then asks it to end. */
export async function whileHolding(
  isolation: Isolation,
  task: ModuleTask,
  look: (execution: Execution) => void | Promise<void>,
): Promise<Execution> {
  const holding = deferred<void>();
  const execution = isolation.start('tool', task, { onProgress: () => holding.resolve() });
  await Promise.race([holding.promise, execution.result]);
  await look(execution);
  execution.stop(new Error('enough'));
  await execution.result;
  return execution;
}

/** Asks until the answer is true, or five seconds have passed. */
export async function eventually(holds: () => boolean): Promise<boolean> {
  const untilMs = performance.now() + 5_000;
  while (performance.now() < untilMs) {
    if (holds()) return true;
    await sleep(10);
  }
  return holds();
}

/** A server that answers late enough for requests to overlap, and keeps connections. */
export async function keepAliveServer(): Promise<{ port: number; close: () => void }> {
  const server = createServer((_request, response) => {
    setTimeout(() => response.end('ok'), 50);
  });
  server.keepAliveTimeout = 10_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Whether a process runs; one that has ended and waits for its parent to hear of it does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
