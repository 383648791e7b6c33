import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { commandFixture } from '../support/granary-command.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const DEMO = path.join(ROOT, '.setup/programs/demo/main.js');

/** Six servers load some hundred documents each, on whatever machine this is. */
const GET_READY_MS = 60_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'granary-demo-test-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runDemo(...args: string[]) {
  return runProgram(process.execPath, [DEMO, ...args], {}, folder);
}

/** A folder of packages with a README and a licence each; every README begins with the greeting. */
function packagesFolder(name: string, greeting: (index: number) => string): string {
  const packages = path.join(folder, name);
  for (let index = 0; index < 20; index++) {
    const home = path.join(packages, `package ${index}`);
    mkdirSync(home, { recursive: true });
    writeFileSync(
      path.join(home, 'README.md'),
      `${greeting(index)}\n${'words '.repeat(50 * index)}`,
    );
    writeFileSync(path.join(home, 'LICENSE'), `Licence of ${index}\n`);
  }
  return packages;
}

async function childrenOf(pid: number): Promise<number[]> {
  const listed = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  return listed.stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const { runAt } = commandFixture();

describe('the demo', () => {
  it('passes its own checks, tabulates six servers and names its report [DEMO-RUN]', async () => {
    const start = performance.now();
    const json = path.join(folder, 'figures.json');
    const run = await runDemo('--json', json);
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect(performance.now() - start).toBeLessThan(120_000);

    const lines = run.stdout.trimEnd().split('\n');
    const header = lines.findIndex((line) => line.startsWith('workload '));
    const rows = lines.slice(header + 1, header + 7).map((line) => line.split(/\s{2,}/));
    expect(lines[header]?.split(/\s{2,}/)).toHaveLength(10);
    expect(rows.map(([, server]) => server)).toEqual(
      Array.from({ length: 3 }, () => ['SDK alone', 'with granary']).flat(),
    );
    for (const [, , ...figures] of rows) {
      for (const figure of figures.slice(0, 3)) expect(parseFloat(figure)).toBeGreaterThan(0);
    }
    expect(lines.filter((line) => line.startsWith('✓ '))).toHaveLength(18);
    expect(run.stdout).not.toContain('✗');
    expect(lines.at(-1)).toBe('report: demo-report.html');

    const { checks, measurements, meta, oneLine, threads, governed, proxied } = JSON.parse(
      readFileSync(json, 'utf8'),
    );
    expect(checks).toHaveLength(18);
    expect(measurements).toHaveLength(6);
    expect(meta.documents).toBeGreaterThan(300);
    expect(oneLine.figures['and one line'].handlerCalls).toBe(oneLine.documents);
    const { 'a cache each': each, 'one store': one } = threads.figures;
    expect([one.originLoads, each.originLoads]).toEqual([meta.documents, 4 * meta.documents]);
    expect(one.staleReads).toBe(0);
    expect(each.staleReads).toBeGreaterThan(0);
    expect(governed.bad.greedy).toMatchObject({ calls: 3, ended: 3 });
    expect(governed.bad.endless).toMatchObject({ calls: 3, ended: 3 });
    expect(governed.bad.leaking).toMatchObject({ calls: 3, ended: 0 });
    expect(proxied).toMatchObject({ otherAnswers: 0, kill: { failed: 0 } });
    expect(run.stdout).toMatch(/^one store +\d+ .* \d+\.\d+ ×$/m);
  });

  it('writes a report that fetches nothing and needs no script [DEMO-RUN]', () => {
    const report = readFileSync(path.join(folder, 'demo-report.html'), 'utf8');
    expect(report.match(/<svg /g)?.length).toBeGreaterThanOrEqual(8);
    expect(report).not.toMatch(/<script|<link|<img|@import|url\(|\bsrc=|\bhref=/);
    expect(report).not.toMatch(/NaN|Infinity|undefined/);
    expect(report).toContain('prefers-color-scheme: dark');
  });

  it('serves other files on request, whatever their names [DEMO-RUN]', async () => {
    const files = packagesFolder('ümlaut % 1', (index) => `Größe ${index}`);
    const run = await runDemo('--files', files, '--report', 'other.html');
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect(run.stdout).toContain('40 documents from 6 servers, 0 differ');
  });

  it('ends with 1, and gives no figures, where one answer is not the file [DEMO-FAILS]', async () => {
    const files = packagesFolder('files', () => 'Hello');
    const others = packagesFolder('others', (index) => (index === 7 ? 'Hullo' : 'Hello'));
    const run = await runDemo('--files', files, '--granary-files', others, '--report', 'bad.html');
    expect(run.code, run.stdout + run.stderr).toBe(1);
    expect(run.stdout).toMatch(
      /✗ every document is the same .*, 1 differ, such as \S*package%207\/README\.md, 3 answers are not the file/,
    );
    expect(run.stdout).not.toContain('reads/s');
    expect(readFileSync(path.join(folder, 'bad.html'), 'utf8')).toContain('1 of 1 checks FAILED');
  });

  it('ends with 1 where what a server answers changes on the way [DEMO-FAILS]', async () => {
    const files = packagesFolder('changing', () => 'Before');
    const report = path.join(folder, 'changed.html');
    const demo = runAt(DEMO, '--files', files, '--report', report);
    await demo.logged(/ round 2 of /, GET_READY_MS);
    packagesFolder('changing', () => 'After');
    expect(await demo.end(60_000), demo.stdout + demo.stderr).toEqual([1, null]);
    expect(demo.stdout).toMatch(/^workload .*reads\/s/m);
    expect(demo.stdout).toMatch(/^✗ every answer of every round .* reads, [\d,]+ wrong$/m);
    expect(demo.stdout).toMatch(/^\d+ FAILED$/m);
    expect(readFileSync(report, 'utf8')).toMatch(/of 18 checks FAILED/);
  });

  it('ends with 1, and leaves nothing running, where a server dies', async () => {
    const demo = runAt(DEMO, '--report', path.join(folder, 'dead.html'));
    const pid = demo.child.pid ?? 0;
    await demo.logged(/warm-up round/, GET_READY_MS);
    const servers = await childrenOf(pid);
    expect(servers).toHaveLength(6);
    process.kill(servers[3] ?? 0, 'SIGKILL');
    expect(await demo.end()).toEqual([1, null]);
    expect(demo.stderr).toMatch(/demo: Error: (SDK alone|with granary), .* failed: /);
    expect(servers.filter(isAlive)).toEqual([]);
    expect(existsSync(path.join(folder, 'dead.html'))).toBe(false);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with its servers on %s', async (signal, code) => {
    const demo = runAt(DEMO, '--report', path.join(folder, 'ended.html'));
    await demo.logged(/warm-up round/, GET_READY_MS);
    const servers = await childrenOf(demo.child.pid ?? 0);
    expect(servers).toHaveLength(6);
    demo.child.kill(signal);
    expect(await demo.end()).toEqual([code, null]);
    expect(demo.stdout).toBe('');
    expect(servers.filter(isAlive)).toEqual([]);
  });

  it('ends with its threads, too', async () => {
    const demo = runAt(DEMO, '--report', path.join(folder, 'ended.html'));
    await expect.poll(() => demo.stderr, { timeout: 240_000 }).toMatch(/starting 4 threads/);
    const listed = () => childrenOf(demo.child.pid ?? 0);
    await expect.poll(listed, { timeout: 10_000 }).toHaveLength(1);
    const processes = await listed();
    demo.child.kill('SIGTERM');
    expect(await demo.end()).toEqual([143, null]);
    expect(processes.filter(isAlive)).toEqual([]);
  });

  it('tells what is wrong with an option, and its options', async () => {
    const help = await runDemo('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const wrong of [
      ['--repotr', 'a'],
      ['--files', 'nowhere'],
      ['--report', 'nowhere/report'],
      ['--json', '.'],
      ['more'],
    ]) {
      const run = await runDemo(...wrong);
      expect(run.code, wrong.join(' ')).toBe(2);
      expect(run.stdout).toBe('');
      expect(run.stderr).toContain(wrong[0]);
      expect(run.stderr).toContain(help.stdout);
    }
  });
});
