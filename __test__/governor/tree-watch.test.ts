import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { TreeWatch } from '../../src/governor/tree-watch.ts';
import { builtUrl, runModule } from '../support/child-module.ts';
import { eventually, keepAliveServer } from './known-use.ts';

const MIB = 1_048_576;
const children: ChildProcess[] = [];
const watches: TreeWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function started(program: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${program}; console.log('begun')`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

function watched(pid: number | undefined, fromNow: boolean): TreeWatch {
  const watch = new TreeWatch(pid ?? 0, fromNow);
  watches.push(watch);
  return watch;
}

/** A program that does more at each line that it is told. */
const WAITING = (steps: string) =>
  `const fs = require('fs'), net = require('net'), { spawn } = require('child_process'); const kept = []; process.stdin.on('data', () => { ${steps}; console.log('done') })`;

async function tell(child: ChildProcess): Promise<void> {
  child.stdin?.write('go\n');
  await once(child.stdout as NodeJS.ReadableStream, 'data');
}

describe('TreeWatch', () => {
  it('sees memory and CPU time at once [SAMPLE-WATCH]', async () => {
    const child = await started(
      WAITING(
        `kept.push(Buffer.alloc(64 * ${MIB}, 1)); const until = process.cpuUsage().user + 200_000; while (process.cpuUsage().user < until);`,
      ),
    );
    const watch = watched(child.pid, true);
    const before = watch.read();
    await tell(child);
    const after = watch.read();
    const grown = ((after?.rssBytes ?? 0) - (before?.rssBytes ?? 0)) / MIB;
    expect(grown).toBeGreaterThan(60);
    expect(grown).toBeLessThan(72);
    expect((after?.cpuMs ?? 0) - (before?.cpuMs ?? 0)).toBeGreaterThan(195);
  });

  it('sees what is opened and closed from then on, or all [SAMPLE-WATCH]', async () => {
    const server = await keepAliveServer();
    const child = await started(
      `${WAITING(
        `if (kept.length > 0) { for (const it of kept) typeof it === 'number' ? fs.closeSync(it) : it.destroy(); kept.length = 0; }
         else { for (let n = 0; n < 30; n++) kept.push(fs.openSync(process.execPath)); for (let n = 0; n < 20; n++) kept.push(net.connect(${server.port}, '127.0.0.1')) }`,
      )}; fs.openSync(process.execPath)`,
    );
    const [fromNow, all] = [watched(child.pid, true), watched(child.pid, false)];
    await tell(child);
    const counts = (watch: TreeWatch) => {
      const { files = [], sockets = [] } = watch.read() ?? {};
      return [files.length, sockets.length];
    };
    expect(await eventually(() => counts(fromNow).join() === '30,20')).toBe(true);
    expect(await eventually(() => (counts(all)[0] ?? 0) > 30)).toBe(true);
    expect(new Set(fromNow.read()?.files).size).toBe(30);
    expect(new Set(fromNow.read()?.sockets).size).toBe(20);
    await tell(child);
    await fromNow.look();
    expect(await eventually(() => counts(fromNow).join() === '0,0')).toBe(true);
    server.close();
  });

  it('has room for the count of very many [SAMPLE-WATCH]', async () => {
    const child = await started(
      WAITING(`for (let n = 0; n < 3_000; n++) kept.push(fs.openSync(process.execPath))`),
    );
    const watch = watched(child.pid, true);
    await tell(child);
    expect(await eventually(() => watch.read()?.files.length === 3_000)).toBe(true);
    expect(new Set(watch.read()?.files).size).toBe(3_000);
  });

  it('counts descendants, with what they have open [SAMPLE-WATCH]', async () => {
    const child = await started(
      WAITING(
        `spawn(process.execPath, ['-e', 'const kept = []; for (let n = 0; n < 9; n++) kept.push(require("fs").openSync(process.execPath)); const parent = process.ppid; setInterval(() => { if (process.ppid !== parent) process.exit() }, 100)'], { stdio: 'ignore' })`,
      ),
    );
    const watch = watched(child.pid, true);
    await tell(child);
    expect(await eventually(() => watch.read()?.descendants === 1)).toBe(true);
    expect(await eventually(() => (watch.read()?.files.length ?? 0) >= 9)).toBe(true);
    const rssBytes = (): number => watch.read()?.descendantsRssBytes ?? 0;
    expect(await eventually(() => rssBytes() > 20 * MIB)).toBe(true);
    expect(await eventually(() => (watch.read()?.descendantsCpuMs ?? 0) > 5)).toBe(true);
  });

  it('tells when the process is gone, and begins with none that is not there [SAMPLE-WATCH-LIFE]', async () => {
    const child = await started(WAITING(''));
    const watch = watched(child.pid, true);
    expect(watch.read()).toBeDefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(watch.read()).toBeUndefined();
    expect(() => new TreeWatch(child.pid ?? 0, true)).toThrow(/there is no process/);
    expect(() => new TreeWatch(2 ** 22 + 7, false)).toThrow(/there is no process/);
  });

  it('ends its thread with the last watch, and survives the workers that began them [SAMPLE-WATCH-LIFE]', async () => {
    const { during, after, values } = await runModule<{
      during: boolean;
      after: boolean;
      values: number;
    }>(
      `
      import { readdirSync, readFileSync } from 'node:fs';
      import { setTimeout as delay } from 'node:timers/promises';
      import { Worker } from 'node:worker_threads';
      const watches = () => readdirSync('/proc/self/task').some((tid) => {
        try { return readFileSync('/proc/self/task/' + tid + '/comm', 'utf8').startsWith('granary-watch'); } catch { return false; }
      });
      const body = "import('${builtUrl('governor/tree-watch.js')}').then(({ TreeWatch }) => { const watch = new TreeWatch(process.pid, false); setInterval(() => watch.read(), 1); import('node:worker_threads').then(({ parentPort }) => parentPort.postMessage(watch.read().rssBytes)) })";
      let values = 0;
      let during = false;
      for (let n = 0; n < 20; n++) {
        const worker = new Worker(body, { eval: true });
        await new Promise((resolve) => worker.once('message', (bytes) => { if (bytes > 0) values++; resolve(); }));
        during ||= watches();
        await delay(n % 5);
        await worker.terminate();
      }
      for (let look = 0; look < 400 && watches(); look++) { globalThis.gc(); await delay(10); }
      console.log(JSON.stringify({ during, after: watches(), values }));
    `,
      ['--expose-gc'],
    );
    expect({ during, after, values }).toEqual({ during: true, after: false, values: 20 });
  });
});
