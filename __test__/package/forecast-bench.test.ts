import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BenchRow } from '../../bench/report.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const PROGRAM = path.join(ROOT, '.setup/programs/bench/forecast/main.js');
const CONTENDERS = [
  ...['naive', 'seasonal-naive', 'straight-line', 'robust-line', 'ets', 'mstl', 'granary'],
];
const RIVALS = ['seasonal-naive', 'straight-line'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'granary-forecast-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function series(name: string, values: readonly number[]): string {
  const file = path.join(folder, name);
  const lines = values.map((value, minute) => `${minute * 60},${value}`);
  writeFileSync(file, `seconds,value\n${lines.join('\n')}\n`);
  return file;
}

type Value = (workload: string, contender: string, metric: string) => number;

async function figures(...files: string[]): Promise<Value> {
  const json = path.join(folder, 'rows.json');
  const args = ['--quick', '--json', json, ...files.flatMap((file) => ['--trace', file])];
  expect(await runProgram(process.execPath, [PROGRAM, ...args])).toMatchObject({ code: 0 });
  const text = readFileSync(json, 'utf8');
  expect(text).not.toContain(folder);
  const { rows } = JSON.parse(text) as { rows: BenchRow[] };
  return (workload, contender, metric) => {
    const found = rows.filter(
      (row) => row.workload === workload && row.contender === contender && row.metric === metric,
    );
    expect(found.length).toBe(1);
    return found[0]!.value;
  };
}

describe('bench:forecast', () => {
  it('finds the season, and measures in changes of the past [FORECAST-BENCH]', async () => {
    const saw = Array.from({ length: 620 }, (_, minute) => minute % 20);
    const value = await figures(series('saw.csv', saw));
    // The origins of --quick: ten from the middle to where the horizon ends with the series.
    const errors = Array.from({ length: 10 }, (_, index) => {
      const at = Math.round(310 + ((620 - 12 - 310) * index) / 9);
      const past = saw.slice(0, at);
      const changes = past.slice(1).map((each, before) => Math.abs(each - past[before]!));
      const scale = changes.reduce((sum, each) => sum + each, 0) / changes.length;
      const missed = saw.slice(at, at + 12).map((each) => Math.abs(each - past.at(-1)!) / scale);
      return missed.reduce((sum, each) => sum + each, 0) / 12;
    });
    const mean = errors.reduce((sum, each) => sum + each, 0) / errors.length;
    expect(value('saw@12', 'naive', 'mase')).toBeCloseTo(mean, 10);
    for (const contender of ['seasonal-naive', 'granary']) {
      expect(value('saw@12', contender, 'mase')).toBeLessThan(1e-9);
      expect(value('saw@72', contender, 'mase')).toBeLessThan(1e-9);
    }
    expect(value('all@12', 'granary', 'coverage')).toBe(100);
  });

  it('tells nobody what comes [FORECAST-BENCH]', async () => {
    // The last sample of all is in the truth of the last origin alone.
    const values = Array.from({ length: 600 }, (_, minute) => 10 + (minute % 2));
    const value = await figures(series('surprise.csv', [...values, 1_000]));
    for (const contender of CONTENDERS) {
      expect(value('surprise@12', contender, 'mase')).toBeGreaterThan(985 / 120);
      expect(value('surprise@12', contender, 'mase')).toBeLessThan(1_000 / 120 + 2);
    }
  });

  it('has granary below seasonal-naive and a straight line [FORECAST-BENCH]', async () => {
    const value = await figures();
    for (const workload of ['all@12', 'all@72']) {
      for (const rival of RIVALS) {
        const ratio = value(workload, 'granary', 'mase') / value(workload, rival, 'mase');
        expect(ratio, `${workload} against ${rival}`).toBeLessThan(1);
      }
    }
  });

  it('refuses a series that is too short, and says which [FORECAST-BENCH]', async () => {
    const short = series(
      'short.csv',
      Array.from({ length: 287 }, (_, minute) => minute),
    );
    const end = await runProgram(process.execPath, [PROGRAM, '--trace', short]);
    expect(end).toMatchObject({ code: 2 });
    expect(end.stderr).toContain('short has 287 samples');
  });
});
