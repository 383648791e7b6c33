import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { commandFixture, GRANARY, until } from '../support/granary-command.ts';
import { DOCUMENTS } from '../support/proxied-client.ts';
import { runProgram } from '../support/run-program.ts';

const { folder, run } = commandFixture();

describe('granary top', { timeout: 60_000 }, () => {
  it('sees the upstreams of a proxy, and its cache [PROXY-LIMITS]', async () => {
    const runtime = path.join(folder(), 'run');
    mkdirSync(runtime, { mode: 0o700 });
    const before = process.env['XDG_RUNTIME_DIR'];
    process.env['XDG_RUNTIME_DIR'] = runtime;
    const command = run('proxy', '--max-memory', '900000000', '--', ...DOCUMENTS);
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
    await command.initialize();
    await command.request(1, 'resources/read', { uri: 'docs://7' });
    await command.request(2, 'resources/read', { uri: 'docs://7' });
    await until('its socket', () => (readdirSync(runtime).includes('granary') ? true : undefined));
    const { code, stdout, stderr } = await look(command.child.pid!, runtime);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      tools: [
        expect.objectContaining({
          toolId: 'upstream',
          limits: expect.objectContaining({ maxMemoryBytes: 900_000_000 }),
        }),
      ],
      caches: [expect.objectContaining({ name: 'answers', hits: 1, size: 1 })],
    });
  });
});

function look(pid: number, runtime: string) {
  const environment = { XDG_RUNTIME_DIR: runtime };
  return runProgram(process.execPath, [GRANARY, 'top', String(pid), '--json'], environment);
}
