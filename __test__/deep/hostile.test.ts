import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { beginSession, dropSessions, openStream, post } from '../support/dropped-sessions.ts';
import { commandFixture } from '../support/granary-command.ts';
import {
  children,
  descriptors,
  HTTP_TARGETS,
  IS_LINUX,
  proxiedDocuments,
  proxiedUrl,
  residentBytes,
  STDIO_TARGETS,
} from '../support/hostile-targets.ts';

const fixture = commandFixture();
const MEGABYTE = 1_048_576;
/** Of a proxy: the shell that ends what it leaves behind. */
const HELPERS = 1;

/**
 * Where granary reads the lines. The SDK's own transport ends itself after 10 MB of a line, and holds
 * all that a client does not read.
 */
const OWN = STDIO_TARGETS.filter(({ name }) => name !== 'a cached server');

describe.runIf(IS_LINUX).each(OWN)('$name over stdio', ({ start }) => {
  it('holds little of a line of 100 MB, and goes on [HOSTILE-BOUNDED]', async () => {
    const { command } = await start(fixture);
    const before = residentBytes(command).now;
    const part = Buffer.alloc(MEGABYTE, 'x');
    for (let megabytes = 0; megabytes < 100; megabytes++) {
      if (!command.child.stdin.write(part)) await once(command.child.stdin, 'drain');
    }
    command.child.stdin.write('\n');
    expect(await command.request('after', 'ping')).toMatchObject({ result: {} });
    // 16 MiB of a line are held by the proxy, 4 by granary serve, twice while they are put together.
    expect((residentBytes(command).most - before) / MEGABYTE).toBeLessThan(100);
    expect(command.child.exitCode).toBeNull();
  });
});

describe.runIf(IS_LINUX).each(OWN)('$name over stdio', ({ start }) => {
  it('holds a bounded part of 4 GB of answers that nobody reads [HOSTILE-BOUNDED]', async () => {
    const { command, uri, text } = await start(fixture);
    await command.request('warm', 'resources/read', { uri });
    const { child } = command;
    const before = residentBytes(command).now;
    child.stdout.pause();
    let asked = 0;
    let isStuck = false;
    while (asked < 20_000 && !isStuck) {
      const line = { jsonrpc: '2.0', id: asked++, method: 'resources/read', params: { uri } };
      if (child.stdin.write(`${JSON.stringify(line)}\n`)) continue;
      // It takes no more: nothing moves while nobody reads.
      isStuck = await Promise.race([
        once(child.stdin, 'drain').then(() => false),
        delay(3_000, true),
      ]);
    }
    // Requests are short: what took them all in has to hold its answers back.
    if (!isStuck) await delay(3_000);
    expect((residentBytes(command).most - before) / MEGABYTE).toBeLessThan(160);
    // Who reads on gets every answer, and in order.
    const last = asked - 1;
    child.stdout.removeAllListeners('data');
    const ids: number[] = [];
    let rest = '';
    child.stdout.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { id, result } = JSON.parse(line) as {
          id: number;
          result: { contents: { text: string }[] };
        };
        expect(result.contents[0]?.text.length).toBe(text.length);
        ids.push(id);
      }
    });
    child.stdout.resume();
    await expect.poll(() => ids.at(-1), { timeout: 200_000 }).toBe(last);
    expect(ids).toEqual(Array.from({ length: asked }, (_, id) => id));
  });
});

it.runIf(IS_LINUX)(
  'granary proxy holds few of the large answers that are asked for at once [HOSTILE-BOUNDED]',
  async () => {
    const { command } = await STDIO_TARGETS.find(({ name }) => name === 'granary proxy')!.start(
      fixture,
    );
    const params = { uri: `size://${8 * MEGABYTE}` };
    await command.request('warm', 'resources/read', params);
    const { child } = command;
    const before = residentBytes(command).now;
    child.stdout.removeAllListeners('data').pause();
    // So short that they come in one piece.
    const ids = Array.from({ length: 400 }, (_, id) => id);
    const lines = ids.map((id) => ({ jsonrpc: '2.0', id, method: 'resources/read', params }));
    child.stdin.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await delay(3_000);
    expect((residentBytes(command).most - before) / MEGABYTE).toBeLessThan(200);
    expect(child.exitCode).toBeNull();
  },
);

describe.runIf(IS_LINUX).each([
  ['granary serve', HTTP_TARGETS[0]!.start],
  ['granary proxy --url', proxiedUrl],
])('%s over HTTP', (_, start) => {
  it('keeps to its bounds while sessions are opened and dropped [HOSTILE-SESSIONS]', async () => {
    const target = await start(fixture);
    const { command } = target;
    // The first fill the table of sessions; what comes then takes the place of others.
    expect(await dropSessions(target, 1_000)).toEqual(new Set([200]));
    const full = residentBytes(command).now;
    const files = descriptors(command);
    expect(await dropSessions(target, 2_000)).toEqual(new Set([200]));
    expect((residentBytes(command).now - full) / MEGABYTE).toBeLessThan(100);
    await expect.poll(() => descriptors(command), { timeout: 20_000 }).toBeLessThan(files + 30);
    const health = await fetch(new URL('/healthz', target.url));
    expect(await health.json()).toMatchObject({ sessions: 1_000 });
  });
});

describe.runIf(IS_LINUX)('granary proxy over HTTP', () => {
  it('has no more processes than it may while sessions are opened and dropped [HOSTILE-SESSIONS]', async () => {
    const target = await proxiedDocuments(fixture, '--max-sessions', '8');
    const { command } = target;
    await beginSession(target);
    const before = { files: descriptors(command), bytes: residentBytes(command).now };
    let refused = 0;
    for (let opened = 0; opened < 120; opened += 12) {
      const all = await Promise.all(Array.from({ length: 12 }, () => beginSession(target)));
      expect(children(command)).toBeLessThanOrEqual(8 + HELPERS);
      for (const { status, body } of all) {
        if (status === 200) continue;
        // Those that are being begun make no room.
        expect([status, body]).toEqual([503, expect.stringContaining('There are 8 sessions')]);
        refused++;
      }
    }
    expect(refused).toBeLessThan(120);
    // Eight processes have pipes, and what they are measured by.
    await expect
      .poll(() => descriptors(command), { timeout: 20_000 })
      .toBeLessThan(before.files + 8 * 8);
    expect((residentBytes(command).now - before.bytes) / MEGABYTE).toBeLessThan(60);
  });

  it('ends a stream that nobody reads, and goes on [HOSTILE-BOUNDED]', async () => {
    const target = await proxiedDocuments(fixture, '--mutates', 'write=docs://*');
    const { command } = target;
    const [idle, writer] = [await beginSession(target), await beginSession(target)];
    const [reader, other] = [idle.session!, writer.session!];
    // What is told of them all is 800 kB.
    for (let id = 0; id < 100; id++) {
      const params = { uri: `docs://${id}${'x'.repeat(8_000)}` };
      await post(target, reader, { id, method: 'resources/subscribe', params });
    }
    const stream = await openStream(target, reader);
    stream.on('error', () => {}).pause();
    const before = residentBytes(command).now;
    const params = { name: 'write', arguments: { id: '1' } };
    for (let id = 0; id < 500; id++) {
      const answer = await post(target, other, { id, method: 'tools/call', params });
      expect(answer.status).toBe(200);
    }
    await command.logged(/a stream was ended: its client does not read it/);
    expect((residentBytes(command).most - before) / MEGABYTE).toBeLessThan(100);
    // Whose stream it was may open another, and is told again.
    const again = await openStream(target, reader);
    again.setEncoding('utf8');
    expect(again.statusCode).toBe(200);
    let told = '';
    again.on('data', (text: string) => (told += text));
    await expect.poll(() => told).toContain('notifications/resources/updated');
    again.destroy();
    stream.destroy();
  });
});
