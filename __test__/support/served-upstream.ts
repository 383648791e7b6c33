import { spawn, type ChildProcess } from 'node:child_process';

import { onTestFinished } from 'vitest';

import { until } from './granary-command.ts';
import { DOCUMENTS, EVERYTHING } from './proxied-client.ts';

/** A server over Streamable HTTP, which ends with the test. */
export interface ServedUpstream {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: string;
}

/** Ours. @param port 0 = any that is free */
export async function serveDocuments(port = '0'): Promise<ServedUpstream> {
  return serve([...DOCUMENTS, 'http', port], /port=(\d+)/);
}

/** `server-everything`, which has to be told its port. */
export async function serveEverything(port?: string): Promise<ServedUpstream> {
  let free = port;
  if (free === undefined) {
    const probe = await serveDocuments();
    probe.child.kill('SIGKILL');
    free = probe.port;
  }
  return serve([...EVERYTHING, 'streamableHttp'], /port (\d+)/, { PORT: free });
}

async function serve(
  [program = '', ...args]: readonly string[],
  pattern: RegExp,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServedUpstream> {
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const [, port = ''] = await until('its port', () => pattern.exec(text) ?? undefined, 20_000);
  return { child, url: `http://127.0.0.1:${port}/mcp`, port };
}
