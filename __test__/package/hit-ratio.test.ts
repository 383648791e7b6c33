import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { wrongAnswers } from '../../bench/hit-ratio/answers.ts';
import { beladyHits } from '../../bench/hit-ratio/belady.ts';
import { CONTENDERS } from '../../bench/hit-ratio/contenders.ts';
import { TraceRecorder } from '../../bench/hit-ratio/trace.ts';
import type { BenchRow } from '../../bench/report.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const PROGRAM = path.join(ROOT, '.setup/programs/bench/hit-ratio/main.js');

/** Seven processes a capacity, on a machine that may have other work. */
const PATIENCE_MS = 60_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'granary-hit-ratio-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function traceFile(name: string, lines: readonly string[]): string {
  const file = path.join(folder, name);
  const text = `${lines.join('\n')}\n`;
  writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return file;
}

function bench(...args: string[]) {
  return runProgram(process.execPath, [PROGRAM, ...args]);
}

/** Runs it and gives the values by workload, contender and metric. */
async function figures(...args: string[]): Promise<Map<string, number>> {
  const json = path.join(folder, 'rows.json');
  const end = await bench('--quick', '--json', json, ...args);
  expect(end).toMatchObject({ code: 0 });
  const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: BenchRow[] };
  const values = new Map(
    rows.map(({ workload, contender, metric, value }) => [
      `${workload} ${contender} ${metric}`,
      value,
    ]),
  );
  expect(values.size).toBe(rows.length);
  return values;
}

/** Every fourth access is to the one key, the others are to sixty keys in turn. */
function favouriteAmongMany(accesses: number): string[] {
  return Array.from({ length: accesses }, (_, index) =>
    index % 4 === 0 ? 'der Schlüssel' : `key ${index % 80}`,
  );
}

/** Hits of a list in the order of use, written as plainly as can be. */
function lruHits(keys: readonly string[], capacity: number): number {
  const used: string[] = [];
  let hits = 0;
  for (const key of keys) {
    const at = used.indexOf(key);
    if (at >= 0) {
      hits++;
      used.splice(at, 1);
    } else if (used.length === capacity) {
      used.shift();
    }
    used.push(key);
  }
  return hits;
}

describe('bench:hit-ratio', () => {
  it(
    'replays a packed trace whole on every contender [BENCH-HIT-RATIO] [BENCH-HIT-RATIO-ANSWERS]',
    async () => {
      const keys = favouriteAmongMany(3_000);
      const file = traceFile('small.txt.gz', keys);
      const values = await figures('--trace', file, '--capacity', '10,100');
      for (const capacity of [10, 100]) {
        const of = (contender: string, metric = 'hitRatio') =>
          values.get(`small@${capacity} ${contender} ${metric}`) ?? Number.NaN;
        const expected = (100 * lruHits(keys, capacity)) / keys.length;
        for (const contender of ['lru-cache', 'granary-lru']) {
          expect(of(contender)).toBeCloseTo(expected, 9);
          expect(of(contender, 'hitRatioLive')).toBeCloseTo(expected, 9);
        }
        for (const contender of CONTENDERS) {
          expect(of(contender)).toBeGreaterThan(0);
          expect(of(contender)).toBeLessThanOrEqual(of('optimal'));
          if (contender !== 'optimal') expect(of(contender, 'hitRatioLive')).toBeGreaterThan(0);
        }
      }
    },
    PATIENCE_MS,
  );

  it(
    'bounds by bytes [BENCH-HIT-RATIO-WEIGHTED]',
    async () => {
      // Two of three fit, however many entries would.
      const file = traceFile('heavy', [
        'a 40',
        'b 50',
        'a 40',
        'c 50',
        'a 40',
        'b 50',
        'd 101',
        'a 40',
      ]);
      const values = await figures('--weighted', '--trace', file, '--capacity', '100');
      for (const contender of ['lru-cache', 'granary-lru']) {
        expect(values.get(`heavy@100 ${contender} hitRatio`)).toBe((100 * 3) / 8);
      }
      expect(values.get('heavy@100 optimal hitRatio')).toBe((100 * 4) / 8);
    },
    PATIENCE_MS,
  );

  it.each([
    [['--capacity', 'many'], '--capacity many is not a whole number from 1'],
    [['--capacity', '10,0'], '--capacity 0 is not a whole number from 1'],
    [['--weighted'], '--weighted needs --trace'],
    [['--trace', 'x.txt'], '--trace needs --capacity, in entries'],
    [['--trace', 'a/x.txt', '--trace', 'b/x.gz', '--capacity', '1'], 'would both be called x'],
    [['--trace', 'not-there', '--capacity', '1'], 'cannot read the trace not-there: ENOENT'],
    [['--fast'], '--fast'],
    [['--json', ''], '--json needs the path of a file'],
  ])('refuses %j [BENCH-HIT-RATIO-REFUSES]', async (args, message) => {
    const { code, stdout, stderr } = await bench(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('usage: [--quick] [--json FILE] [--trace FILE]');
  });

  it.each(['b', 'b -5', 'b 1.5', 'b 0', '7', 'b 4294967296'])(
    'refuses the line %j by its number [BENCH-HIT-RATIO-REFUSES]',
    async (line) => {
      const file = traceFile('heavy', ['a key 40', line, 'c 50']);
      const { code, stderr } = await bench('--weighted', '--trace', file, '--capacity', '100');
      expect(code).toBe(2);
      expect(stderr).toContain(`line 2: ${JSON.stringify(line)} is not a key and its bytes`);
    },
  );

  it('refuses a trace without lines [BENCH-HIT-RATIO-REFUSES]', async () => {
    const { code, stderr } = await bench('--trace', traceFile('empty', []), '--capacity', '1');
    expect(code).toBe(2);
    expect(stderr).toContain('has no lines');
  });
});

describe('what it checks', () => {
  const replay = (hits: number, sequence = hits) => ({
    settled: { accesses: 10, hits, sequence },
    live: { accesses: 10, hits, sequence },
  });
  const right = new Map([
    ['lru-cache', [replay(4)]],
    ['granary-lru', [replay(4)]],
    ['granary', [replay(5), replay(6)]],
    ['optimal', [replay(6)]],
  ]);

  it('passes what can be [BENCH-HIT-RATIO-ANSWERS]', () => {
    expect(wrongAnswers(right, 10, false)).toEqual([]);
  });

  it.each([
    ['granary-lru', replay(4, 5), 'granary-lru does not hit where lru-cache does'],
    ['granary-lru', replay(5), 'granary-lru does not hit where lru-cache does'],
    ['granary', replay(7), 'granary has 7 hits, more than the 6 that are possible'],
    ['granary', { settled: { accesses: 9, hits: 5 } }, 'granary replayed 9 of 10 accesses'],
  ])('names %s with %j [BENCH-HIT-RATIO-ANSWERS]', (contender, figures, message) => {
    expect(wrongAnswers(new Map([...right, [contender, [figures]]]), 10, false)).toContain(message);
  });

  it('knows the most hits of short traces [BENCH-HIT-RATIO-ANSWERS]', () => {
    for (let seed = 0; seed < 200; seed++) {
      const recorder = new TraceRecorder(false);
      const keys = Array.from({ length: 12 }, (_, index) => (seed * 7 + index * index * 3) % 5);
      for (const key of keys) recorder.access(String(key));
      const capacity = 1 + (seed % 3);
      expect(beladyHits(recorder.trace(), capacity)).toBe(mostHits(keys, capacity));
    }
  });
});

/** By trying every way to keep keys. */
function mostHits(keys: readonly number[], capacity: number): number {
  /** The most hits so far, by what is kept. */
  let best = new Map<string, { kept: readonly number[]; hits: number }>([
    ['', { kept: [], hits: 0 }],
  ]);
  for (const key of keys) {
    const next: typeof best = new Map();
    for (const { kept, hits: before } of best.values()) {
      const hit = kept.includes(key);
      const hits = before + (hit ? 1 : 0);
      const others = kept.filter((one) => one !== key);
      const ways = [
        kept,
        ...(others.length < capacity ? [[...others, key]] : []),
        ...others.map((gone) => [...others.filter((one) => one !== gone), key]),
      ];
      for (const way of ways) {
        const name = way.toSorted((a, b) => a - b).join(',');
        if ((next.get(name)?.hits ?? -1) < hits) next.set(name, { kept: way, hits });
      }
    }
    best = next;
  }
  return Math.max(...[...best.values()].map(({ hits }) => hits));
}
