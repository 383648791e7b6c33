import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { sampleProcess, sampleProcesses } from '../../src/governor/index.ts';
import { builtUrl, runModule } from '../support/child-module.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { watchProcess } from '../support/process-signals.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that does what it is told, says that it has, and then waits. */
async function busy(source: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(
    process.execPath,
    ['--eval', `${source}; process.on('message', () => {}); process.send('done')`],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  children.push(child);
  await once(child, 'message');
  return child as ChildProcess & { readonly pid: number };
}

describe('sampleProcess', () => {
  watchProcess();

  it('tells of this process what is asked for, and nothing else [SAMPLE-PARTS]', async () => {
    const sample = await sampleProcess(undefined, { parts: ['memory', 'cpu'] });
    expect(sample).toMatchObject({ pid: process.pid, parent: process.ppid });
    expect(Math.abs(sample.startedMs - (Date.now() - 1_000 * process.uptime()))).toBeLessThan(
      3_000,
    );
    expect(sample.rssBytes! / process.memoryUsage.rss()).toBeCloseTo(1, 0);
    const { user, system } = process.cpuUsage();
    expect(Math.abs(sample.cpuMs! - (user + system) / 1_000)).toBeLessThan(100);
    expect(sample.userMs! + sample.systemMs!).toBeCloseTo(sample.cpuMs!, -2);
    expect([sample.descriptors, sample.sockets, sample.threads, sample.descendants]).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
    expect((await sampleProcess()).proportionalBytes).toBeUndefined();
    const { proportionalBytes } = await sampleProcess(process.pid, { parts: ['proportional'] });
    expect(proportionalBytes).toBeGreaterThan(1e6);
  });

  it('counts memory and CPU time of another process [SAMPLE-TRUTH]', async () => {
    const idle = await busy('0');
    const greedy = await busy(`
      globalThis.kept = Buffer.alloc(64 * 2 ** 20, 1);
      const end = process.cpuUsage().user + 240_000;
      while (process.cpuUsage().user < end);`);
    const [less, more] = await sampleProcesses([idle.pid, greedy.pid]);
    expect((more!.rssBytes! - less!.rssBytes!) / 2 ** 20).toBeGreaterThan(55);
    expect((more!.rssBytes! - less!.rssBytes!) / 2 ** 20).toBeLessThan(75);
    expect(more!.cpuMs! - less!.cpuMs!).toBeGreaterThan(200);
    expect(more!.threads!.reduce((sum, { cpuMs }) => sum + cpuMs, 0)).toBeCloseTo(more!.cpuMs!, -2);
    expect(more!.threadCount).toBe(more!.threads!.length);
  });

  it('counts descriptors by kind, and not its own [SAMPLE-TRUTH]', async () => {
    // In a process of its own: that of the tests opens and closes some all the time.
    const told = await runModule<{ kinds: string[]; counts: number[]; opened: number }>(`
      import { openSync } from 'node:fs';
      import { sampleProcess } from '${builtUrl('governor/index.js')}';
      await sampleProcess();
      const before = await sampleProcess();
      const fds = Array.from({ length: 30 }, () => openSync('/proc/version', 'r'));
      const after = await sampleProcess();
      const together = await Promise.all(Array.from({ length: 20 }, () => sampleProcess()));
      console.log(JSON.stringify({
        kinds: after.descriptors.filter(({ fd }) => fds.includes(fd)).map(({ kind }) => kind),
        opened: after.descriptors.length - before.descriptors.length,
        counts: together.map(({ descriptors }) => descriptors.length - after.descriptors.length),
      }));`);
    expect(told.kinds).toEqual(Array.from({ length: 30 }, () => 'file'));
    expect(told.opened).toBe(30);
    expect(told.counts).toEqual(Array.from({ length: 20 }, () => 0));
  });

  it('counts sockets by protocol and state [SAMPLE-TRUTH]', async () => {
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const clients = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    await expect.poll(() => accepted.length).toBe(20);
    const count = async (state: string): Promise<number> => {
      const { sockets } = await sampleProcess(process.pid, { parts: ['sockets'] });
      return sockets!.filter((socket) => socket.state === state).length;
    };
    expect(await count('ESTABLISHED')).toBeGreaterThanOrEqual(40);
    const listening = await count('LISTEN');
    for (const client of clients) client.destroy();
    server.close();
    await once(server, 'close');
    expect(await count('ESTABLISHED')).toBeLessThan(40);
    expect(await count('LISTEN')).toBe(listening - 1);
  });

  it('tells a whole tree, and no process that has ended [SAMPLE-TREE]', async () => {
    const parent = await busy(`
      const { spawn } = require('node:child_process');
      for (let n = 0; n < 3; n++) spawn('sleep', ['60'])`);
    const { descendants } = await sampleProcess(parent.pid);
    expect(descendants).toHaveLength(3);
    const samples = await sampleProcesses(descendants!);
    expect(samples.map((sample) => sample?.parent)).toEqual([parent.pid, parent.pid, parent.pid]);
    expect((await sampleProcess()).descendants).toEqual(expect.arrayContaining([...descendants!]));
    for (const pid of descendants!) process.kill(pid, 'SIGKILL');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(await sampleProcesses([parent.pid])).toEqual([undefined]);
    const failure = await granaryFailure(() => sampleProcess(parent.pid), 'ERR_GRANARY_BAD_OPTION');
    expect(failure.message).toContain(String(parent.pid));
  });

  it.each([
    [() => sampleProcess(0), 'pid'],
    [() => sampleProcess(1.5), 'pid'],
    [() => sampleProcess('self' as unknown as number), 'pid'],
    [() => sampleProcesses('1' as unknown as number[]), 'pids'],
    [() => sampleProcess(1, { parts: ['all' as 'cpu'] }), 'parts'],
  ])('refuses what it cannot sample [SAMPLE-OPTIONS]', async (sample, option) => {
    const failure = await granaryFailure(sample, 'ERR_GRANARY_BAD_OPTION');
    expect(failure.data).toMatchObject({ option });
  });
});
