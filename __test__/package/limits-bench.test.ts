import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BenchRow } from '../../bench/report.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const PROGRAM = path.join(ROOT, '.setup/programs/bench/limits/main.js');
const CONTENDERS = ['static', 'vpa-cpu', 'p98', 'vpa-memory', 'max-24h', 'ewma-3s', 'granary'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'granary-limits-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function series(name: string, lines: readonly string[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

async function figures(file: string): Promise<(contender: string, metric: string) => number> {
  const json = path.join(folder, 'rows.json');
  const args = ['--quick', '--json', json, '--trace', file];
  expect(await runProgram(process.execPath, [PROGRAM, ...args])).toMatchObject({ code: 0 });
  const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: BenchRow[] };
  return (contender, metric) => {
    const found = rows.filter((row) => row.contender === contender && row.metric === metric);
    expect(found.length).toBe(1);
    expect(found[0]!.workload).toBe(path.basename(file, '.csv'));
    return found[0]!.value;
  };
}

describe('bench:limits', () => {
  it('judges each limit by what was before, behind the warm-up [LIMITS-BENCH]', async () => {
    // Ten for four hours, which are the warm-up, then once 100 and ten for another four.
    const lines = Array.from({ length: 480 }, (_, minute) => `${minute * 60},10`);
    lines[240] = '14400,100';
    const value = await figures(series('one_peak.csv', ['seconds,value', ...lines]));
    for (const contender of CONTENDERS) {
      expect(value(contender, 'violations')).toBeCloseTo(1 / 240, 10);
      expect(value(contender, 'episodes-per-day')).toBeCloseTo(1_440 / 239, 10);
    }
    expect(value('static', 'slack')).toBeCloseTo((239 * 0.8) / 240, 10);
    expect(value('static', 'changes-per-day')).toBe(0);
    // 110 from the peak on.
    expect(value('max-24h', 'slack')).toBeCloseTo((239 * (100 / 110)) / 240, 10);
    expect(value('max-24h', 'changes-per-day')).toBeCloseTo(1_440 / 239, 10);
    expect(value('max-24h', 'cover-seconds')).toBe(60);
    expect(value('granary', 'cover-seconds')).toBe(60);
    expect(value('static', 'cover-seconds')).toBe(86_400);
  });

  it.each([
    [['0,1', '60,x'], 'line 2'],
    [['0,1', '60,-1'], 'line 2'],
    [['60,1', '0,1'], 'line 2'],
    [['0,1', '60,1'], 'nothing is left after the warm-up'],
    [[''], 'nothing is left after the warm-up'],
  ])('refuses %j and says where [LIMITS-BENCH]', async (lines, said) => {
    const end = await runProgram(process.execPath, [PROGRAM, '--trace', series('a.csv', lines)]);
    expect(end).toMatchObject({ code: 2 });
    expect(end.stderr).toContain(said);
  });
});
