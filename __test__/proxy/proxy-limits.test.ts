import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import { DOCUMENTS } from '../support/proxied-client.ts';

const { run } = commandFixture();

/** A server that answers as little as it must, and does what its arguments say. */
function serverOf(code: string): string[] {
  const answers = `
    const { createInterface } = require('node:readline');
    const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
    createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method === 'initialize') {
        const { protocolVersion } = params;
        send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: {} } });
      } else if (id !== undefined) answer(id, params ?? {}, method);
    });`;
  return [process.execPath, '-e', `${answers}\n${code}`];
}

describe('the limits of granary proxy', { timeout: 60_000 }, () => {
  it('end an upstream that takes too much memory, with all it started, and start it again [PROXY-LIMITS]', async () => {
    const hog = serverOf(`
      const held = [];
      const answer = (id) => {
        for (let size = 0; size < 300; size++) held.push(Buffer.alloc(1_048_576, 1));
      };`);
    const shell = ['sh', '-c', 'node=$1; shift; "$node" "$@"; true', 'sh', ...hog];
    const command = run('proxy', '--max-memory', '200000000', '--', ...shell);
    await command.initialize();
    command.send({ id: 'call', method: 'tools/call', params: { name: 'x' } });
    expect(await command.answer('call')).toMatchObject({ error: { code: -32_000 } });
    await command.logged(/beyond a limit/);
    await command.logged(/a session was restored/);
    expect(command.stderr).toContain('resource="memoryBytes"');
  });

  it('bound what a message may be, on both sides [PROXY-BOUNDED]', async () => {
    const large = serverOf(`
      const answer = (id) => send({ id, result: { text: 'x'.repeat(5_000_000) } });`);
    const command = run('proxy', '--max-message-bytes', '1000000', '--', ...large);
    await command.initialize();
    const answer = await command.request('large', 'tools/call', { name: 'x' });
    expect(answer).toMatchObject({
      error: { message: expect.stringContaining('longer than 1000000') },
    });
    command.send({ id: 'too-large', method: 'ping', params: { x: 'x'.repeat(1_000_001) } });
    await until('the refusal', () =>
      command.messages().find(({ id, error }) => id === null && error !== undefined),
    );
    command.child.stdin.write('{"half":\n[]\n"text"\n');
    await until('three more', () => command.messages().filter(({ id }) => id === null)[3]);
  });

  it('hold back an upstream whose client does not read [PROXY-BOUNDED]', async () => {
    const flood = serverOf(`
      const answer = (id) => {
        const text = 'x'.repeat(100_000);
        let sent = 0;
        const more = () => {
          while (sent < 300) {
            sent++;
            const params = { level: 'info', data: text };
            const line = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
            if (!process.stdout.write(line + '\\n')) return process.stdout.once('drain', more);
          }
          send({ id, result: { sent } });
        };
        const timer = setInterval(() => {
          console.error('sent=' + sent);
          if (sent === 300) clearInterval(timer);
        }, 50);
        more();
      };`);
    const command = run('proxy', '--', ...flood);
    await command.initialize();
    command.child.stdout.pause();
    command.send({ id: 'flood', method: 'tools/call', params: { name: 'x' } });
    const counts = () => Array.from(command.stderr.matchAll(/sent=(\d+)/g), ([, n]) => Number(n));
    // It stands still: the pipes are full, and nobody keeps the rest.
    await until('it to stand still', () => {
      const last = counts().slice(-5);
      return (last.length === 5 && last[0] === last[4] && last[0]! > 0) || undefined;
    });
    expect(counts().at(-1)).toBeLessThan(100);
    command.child.stdout.resume();
    await until('the rest', () => command.stdout.includes('"sent":300') || undefined);
    expect(command.messages().at(-1)).toMatchObject({ id: 'flood', result: { sent: 300 } });
  });

  it('write nothing but JSON on stderr where it is asked for [PROXY-LOG]', async () => {
    const command = run('proxy', '--log', 'json', '--', ...DOCUMENTS);
    await command.initialize();
    command.child.stdin.write('nonsense\n');
    await command.logged(/was ignored/);
    command.child.stdin.end();
    await command.end();
    const lines = command.stderr.trimEnd().split('\n');
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('level');
    command.messages();
  });
});
