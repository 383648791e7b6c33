import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import {
  connectModern,
  connectOlder,
  DOCUMENTS,
  EVERYTHING,
  newClient,
} from '../support/proxied-client.ts';
import { ResourceListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const { run } = commandFixture();

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('granary proxy, when its server ends', { timeout: 60_000 }, () => {
  it('starts it again and tells it what its client had told it [PROXY-RESTART]', async () => {
    const client = newClient();
    let changes = 0;
    client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
      changes++;
    });
    const { log } = await connectOlder(client, '--', ...DOCUMENTS);
    const read = async () => {
      const { contents } = await client.readResource({ uri: 'docs://7' });
      return JSON.parse((contents[0] as { text: string }).text) as { times: number; pid: number };
    };
    const { pid } = await read();
    process.kill(pid, 'SIGKILL');
    await until('another process', () => log.pids[1]);
    await until('the client to be told', () => changes || undefined);
    const again = await read();
    expect(again.pid).toBe(log.pids[1]);
    expect(again.times).toBe(1);
    expect(log.text).toContain('a session was restored');
  });

  it('asks anew what changes nothing, and says of all else that it was lost [PROXY-RESTART]', async () => {
    const command = run('proxy', '--', ...EVERYTHING);
    await command.initialize();
    const [, pid] = await command.logged(/has started pid=(\d+)/);
    process.kill(Number(pid), 'SIGSTOP');
    const long = { name: 'trigger-long-running-operation', arguments: { duration: 60 } };
    command.send({ id: 'call', method: 'tools/call', params: long });
    command.send({ id: 'list', method: 'tools/list' });
    command.send({ id: 'prompt', method: 'prompts/get', params: { name: 'simple-prompt' } });
    process.kill(Number(pid), 'SIGKILL');
    expect(await command.answer('call')).toMatchObject({
      error: { code: -32_000, data: { reason: 'upstream-unavailable' } },
    });
    expect(await command.answer('list')).toHaveProperty('result.tools');
    expect(await command.answer('prompt')).toHaveProperty('result.messages');
    expect(command.messages().filter(({ id }) => id === 'list')).toHaveLength(1);
  });

  it('serves what has expired meanwhile, marked, where it may [PROXY-FAIL-SAFE]', async () => {
    const args = ['--ttl', '1', '--fail-safe', '60000', '--restart-delay', '30000'];
    const { client, log } = await connectOlder(newClient(), ...args, '--', ...DOCUMENTS);
    const { contents } = await client.readResource({ uri: 'docs://7' });
    const { tools } = await client.listTools();
    process.kill(log.pids[0]!, 'SIGKILL');
    const stale = await client.readResource({ uri: 'docs://7' });
    expect(stale.contents).toEqual(contents);
    const mark = { ageMs: expect.any(Number), reason: expect.stringContaining('away') };
    expect(stale).toMatchObject({ _meta: { 'mcp-granary/stale': mark } });
    expect(await client.listTools()).toMatchObject({ tools, _meta: expect.anything() });
  });

  it('ends the wait for it after --hold, with an error [PROXY-RESTART]', async () => {
    const args = ['--hold', '50', '--restart-delay', '30000'];
    const { client, log } = await connectOlder(newClient(), ...args, '--', ...DOCUMENTS);
    process.kill(log.pids[0]!, 'SIGKILL');
    await until('its end', () => log.text.includes('has ended') || undefined);
    await expect(client.listTools()).rejects.toMatchObject({
      code: -32_000,
      data: { reason: 'upstream-unavailable' },
    });
  });

  it('keeps the subscriptions of revision 2026-07-28 [PROXY-RESTART]', async () => {
    const { client, log } = await connectModern('--', ...DOCUMENTS);
    const updates: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      updates.push(params.uri);
    });
    await client.listen({ resourceSubscriptions: ['docs://7'] });
    // Those before belonged to the probe of the client.
    const pid = log.pids.at(-1)!;
    process.kill(pid, 'SIGKILL');
    await until('what may have changed', () => updates[0]);
    await client.callTool({ name: 'touch', arguments: { uri: 'docs://7' } });
    await until('what has changed', () => updates[1]);
    expect(updates).toEqual(['docs://7', 'docs://7']);
  });

  it('gives up a server that never says anything, with code 1 [PROXY-GIVE-UP]', async () => {
    const command = run('proxy', '--restart-delay', '1', '--', process.execPath, '-e', '0');
    command.send({ id: 1, method: 'initialize', params: {} });
    expect(await command.answer(1)).toMatchObject({ error: { code: -32_000 } });
    expect(await command.end()).toEqual([1, null]);
    const missing = run('proxy', '--', 'no-such-program-anywhere');
    expect(await missing.end()).toEqual([1, null]);
    expect(missing.stderr).toContain('ENOENT');
  });

  it.each(['SIGTERM', 'SIGINT', 'end of input'])(
    'leaves nothing behind after %s, having answered [PROXY-END]',
    async (how) => {
      // As npx does: the server is no child of the proxy's own.
      const shell = `${EVERYTHING.map((part) => `'${part}'`).join(' ')}; true`;
      const command = run('proxy', '--', 'sh', '-c', shell);
      await command.initialize();
      const [, pid] = await command.logged(/has started pid=(\d+)/);
      command.send({
        id: 'call',
        method: 'tools/call',
        params: { name: 'trigger-long-running-operation', arguments: { duration: 0.5, steps: 1 } },
      });
      command.send({ id: 'list', method: 'tools/list' });
      await command.answer('list');
      if (how === 'end of input') command.child.stdin.end();
      else command.child.kill(how as NodeJS.Signals);
      expect(await command.end()).toEqual([0, null]);
      expect(command.messages().find(({ id }) => id === 'call')).toHaveProperty('result');
      expect(isRunning(-Number(pid))).toBe(false);
    },
  );
});
