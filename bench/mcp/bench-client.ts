import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Workload } from './workloads.ts';

/** One that costs little: it counts what comes, and looks at an answer only where it is to be compared. */
export interface BenchClient {
  /** Sends a request when another may be under way; calls back with the time that its answer took. */
  run(workload: Workload, count: number, inFlight: number): Promise<Float64Array>;
  /** The answers as they came, in the order of the params. */
  answers(workload: Workload): Promise<unknown[]>;
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1.0.0' },
  },
};
export const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** All but the id of each request, so that making one costs a concatenation. */
export function requestsOf({ method, params }: Workload): string[] {
  return params.map((each) => JSON.stringify({ method, params: each }).slice(1));
}

export function requestText(id: number, rest: string): string {
  return `{"jsonrpc":"2.0","id":${id},${rest}`;
}

/** @returns microseconds of CPU that a server has used so far. */
export async function cpuUs(server: ChildProcess): Promise<number> {
  const answered = once(server, 'message') as Promise<[NodeJS.CpuUsage]>;
  server.send('cpu');
  const [{ user, system }] = await answered;
  return user + system;
}
