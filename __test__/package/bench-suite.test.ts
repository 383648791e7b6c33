import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BenchRow } from '../../bench/report.ts';
import { BENCHES } from '../../bench/suite/benches.ts';
import { differences, publish } from '../../bench/tables/publication.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const META = {
  node: 'v20.20.0',
  platform: 'linux-x64',
  cpu: 'Test CPU',
  cpus: 2,
  date: '2026-01-02T03:04:05.000Z',
  versions: { 'mcp-granary': '9.9.9', 'lru-cache': '11.0.0', 'tiny-lru': '13.0.0' },
};

let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'granary-bench-'));
  mkdirSync(path.join(root, 'bench/results'), { recursive: true });
  for (const file of ['README.md', 'bench/README.md']) {
    writeFileSync(path.join(root, file), readFileSync(path.join(ROOT, file)));
  }
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Stores a report of `contender: value` by workload and metric. */
function store(
  bench: string,
  figures: Readonly<Record<string, Readonly<Record<string, number>>>>,
  meta: object = {},
): void {
  const rows = Object.entries(figures).flatMap(([key, values]): BenchRow[] => {
    const [workload = '', metric = '', unit = ''] = key.split(' ');
    return Object.entries(values).map(([contender, value]) => ({
      ...{ workload, contender, metric, value, unit },
    }));
  });
  const report = JSON.stringify({ meta: { ...META, ...meta }, rows });
  writeFileSync(path.join(root, `bench/results/${bench}.json`), report);
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

function section(file: string, name: string): string {
  const found = new RegExp(`<!-- results:${name} -->(.*)<!-- /results:${name} -->`, 's').exec(
    read(file),
  );
  return found?.[1] ?? 'no such section';
}

describe('the tables of the benches', () => {
  it('show every row, the best in bold, and where the figures are from [BENCH-TABLES]', () => {
    store('hot', {
      'get-hit ns/op ns': { map: 10, 'lru-cache-ttl': 60, 'tiny-lru': 40, granary: 30 },
      'overwrite ns/op ns': { map: 20, 'lru-cache-ttl': 90, 'tiny-lru': 50, granary: 100 },
    });
    publish(root);
    const hot = section('bench/README.md', 'hot');
    expect(hot).toContain('2 × Test CPU, linux-x64, Node 20.20.0, 2026-01-02');
    expect(hot).toContain('mcp-granary 9.9.9, lru-cache 11.0.0, tiny-lru 13.0.0.');
    expect(hot).toContain('| get-hit | 10 | 60 | 40 | **30** | 2.00 × |');
    expect(hot).toContain('| overwrite | 20 | 90 | **50** | 100 | **0.90 ×, loses** |');
    expect(hot).not.toContain('quick run');
  });

  it('say plainly what is lost, to whom, and not to a floor [BENCH-TABLES]', () => {
    store('hot', {
      'get-hit ns/op ns': { map: 10, 'lru-cache-ttl': 60, 'tiny-lru': 29, granary: 30 },
      'read-through-zipf hitRatio %': { 'lru-cache-ttl': 61, granary: 60.5 },
    });
    publish(root);
    expect(section('bench/README.md', 'hot')).toContain(
      '- **granary loses:**\n' +
        '  - ns/op: `get-hit` (30) to tiny-lru (29)\n' +
        '  - hitRatio: `read-through-zipf` (60.5) to lru-cache-ttl (61)\n',
    );
    const headlines = section('README.md', 'headlines');
    expect(headlines).toContain('| **-0.5 points, loses** |');
    expect(headlines).toContain('granary loses: `read-through-zipf` (hitRatio, granary).');
  });

  it('tell of a win on wall time that doubles the CPU [BENCH-TABLES]', () => {
    store('hot', {
      'set-evict ns/op ns': { 'lru-cache-ttl': 300, granary: 200 },
      'set-evict cpu-ns/op ns': { 'lru-cache-ttl': 300, granary: 660 },
    });
    publish(root);
    expect(section('bench/README.md', 'hot')).toContain(
      '**granary pays for** `set-evict`: 1.50 × as fast on wall time as lru-cache-ttl, at 2.20 × its CPU.',
    );
  });

  it('say of a quick run that it is one, and of no run that there is none [BENCH-TABLES]', () => {
    store(
      'gc',
      { 'replace-40-per-ms gc-ms ms': { 'lru-cache': 9, 'granary-native': 1 } },
      { quick: true },
    );
    publish(root);
    expect(section('bench/README.md', 'gc')).toContain('A quick run');
    expect(section('README.md', 'headlines')).toContain('a quick run');
    expect(section('bench/README.md', 'workers')).toContain('Not measured yet');
  });

  it('are what the stored results give, or differ by name [BENCH-TABLES]', () => {
    store('registry', { 'resolve@10 resolve ns': { sdk: 900, granary: 90 } });
    expect(publish(root)).toEqual(
      expect.arrayContaining(['bench/results/registry.svg', 'bench/README.md', 'README.md']),
    );
    expect(differences(root)).toEqual([]);
    writeFileSync(path.join(root, 'bench/results/gone.svg'), '<svg/>');
    const edited = read('README.md').replace('<!-- results:headlines -->', '$& by hand');
    writeFileSync(path.join(root, 'README.md'), edited);
    expect(differences(root)).toEqual(['README.md', 'bench/results/gone.svg']);
    publish(root);
    expect(differences(root)).toEqual([]);
  });
});

describe('the charts of the benches', () => {
  it('stand on a white ground, with axes that name their unit, lost rows too [BENCH-TABLES]', () => {
    store('hot', {
      'get-hit ns/op ns': { 'lru-cache-ttl': 60, granary: 30 },
      'overwrite ns/op ns': { 'lru-cache-ttl': 90, granary: 100 },
      'get-hit-random@1000 ns/op ns': { 'lru-cache-ttl': 60, granary: 30 },
      'get-hit-random@10000 ns/op ns': { 'lru-cache-ttl': 80, granary: 40 },
    });
    publish(root);
    const charts = ['hot.svg', 'hot-ratios.svg', 'hot-growth.svg'].map((name) =>
      read(`bench/results/${name}`),
    );
    for (const chart of charts) {
      expect(chart).toMatch(
        /^<svg [^>]*>\n<rect width="\d+" height="\d+" x="0" y="0" fill="#ffffff">/,
      );
      for (const [tag] of chart.matchAll(/<[a-z][^>]*>/g)) {
        expect(tag).toMatch(/^<\w+( [\w:-]+="[^"<]*")* ?\/?>$/);
      }
      const sizes = [...chart.matchAll(/font-size:(\d+)px/g)].map(([, size]) => Number(size));
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(11);
    }
    const [bars, ratios, growth] = charts;
    expect(bars).toContain('wall time of one operation, ns; lower is better');
    expect(ratios).toContain('0.90 × (loses)');
    expect(growth).toContain('entries (logarithmic)');
  });
});

describe('npm run bench', () => {
  it('knows every bench [BENCH-RUN]', () => {
    const folders = readdirSync(path.join(ROOT, 'bench'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .filter((name) => !['charts', 'results', 'suite', 'tables'].includes(name));
    expect(BENCHES.map(({ name }) => name)).toEqual(expect.arrayContaining(folders));
  });

  it.each([
    [['--only', 'hot,cold'], 'no bench is called "cold"; there are hot, '],
    [['--fast'], '--fast'],
  ])('refuses %j by name, with code 2 [BENCH-RUN]', async (args, message) => {
    const program = path.join(ROOT, '.setup/programs/bench/suite/main.js');
    const run = await runProgram(process.execPath, [program, ...args]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
  });

  /** A project whose benches are `benches`; the suite in it is the real one. */
  function project(benches: Readonly<Record<string, string>>): string {
    const programs = path.join(root, '.setup/programs/bench');
    for (const name of ['suite', 'tables', 'charts', 'metrics.js', 'report.js', 'versions.js']) {
      cpSync(path.join(ROOT, '.setup/programs/bench', name), path.join(programs, name), {
        recursive: true,
      });
    }
    for (const file of ['package.json', 'Cargo.lock'])
      cpSync(path.join(ROOT, file), path.join(root, file));
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(root, 'node_modules'));
    for (const [name, source] of Object.entries(benches)) {
      mkdirSync(path.join(programs, name));
      writeFileSync(path.join(programs, name, 'main.js'), source);
    }
    return path.join(programs, 'suite/main.js');
  }

  it('goes on after a bench that fails, and names it with its exit code [BENCH-RUN]', async () => {
    const report = JSON.stringify({
      meta: META,
      rows: [
        { workload: 'resolve@10', contender: 'granary', metric: 'resolve', value: 90, unit: 'ns' },
      ],
    });
    const suite = project({
      gc: 'process.exit(3);',
      registry: `
        import { writeFileSync } from 'node:fs';
        const { argv } = process;
        writeFileSync(argv[argv.indexOf('--json') + 1], ${JSON.stringify(report)});
        console.log('quick: ' + argv.includes('--quick'));
      `,
    });
    const run = await runProgram(
      process.execPath,
      [suite, '--quick', '--only', 'registry,gc'],
      {},
      root,
    );
    expect(run.code, run.stderr).toBe(1);
    expect(run.stderr).toContain('bench 1 of 2, gc');
    expect(run.stdout).toContain('quick: true');
    expect(run.stdout.trimEnd()).toMatch(/; failed: gc \(exit code 3\)$/);
    expect(read('bench/README.md')).toContain('| resolve@10 |');
    expect(existsSync(path.join(root, 'bench/results/registry.svg'))).toBe(true);
  });

  it('leaves no bench behind when it is ended [BENCH-RUN]', async () => {
    const suite = project({ hot: 'console.log(process.pid); setInterval(() => {}, 1_000);' });
    const child = spawn(process.execPath, [suite, '--only', 'hot'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([143, null]);
    expect(() => process.kill(Number(String(pid)), 0)).toThrow('ESRCH');
  });
});
