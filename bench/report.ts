import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { versions } from './versions.ts';

import { printColumns } from './columns.ts';

/** One figure. */
export interface BenchRow {
  readonly workload: string;
  readonly contender: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export interface BenchReport {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly rows: readonly BenchRow[];
}

/** What a reader of the figures has to know about where they come from. */
export function machine(): Readonly<Record<string, unknown>> {
  const processors = cpus();
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    date: new Date().toISOString(),
    versions: versions(),
  };
}

export function writeReport(file: string, report: BenchReport): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

const fourDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

export function formatNumber(value: number): string {
  return fourDigits.format(value);
}

/** Prints a line a row; the last column holds it against the `baseline` contender's same figure. */
export function printTable(rows: readonly BenchRow[], baseline: string): void {
  const header = ['workload', 'contender', 'metric', 'value', 'unit', `× ${baseline}`];
  const lines = rows.map((row) => {
    const base = rows.find(
      (other) =>
        other.contender === baseline &&
        other.workload === row.workload &&
        other.metric === row.metric,
    );
    const ratio = base === undefined || base === row ? '' : formatNumber(row.value / base.value);
    return [row.workload, row.contender, row.metric, formatNumber(row.value), row.unit, ratio];
  });
  printColumns([header, ...lines], new Set([3, 5]));
}
