import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchReport, BenchRow } from '../report.ts';
import type { Bench } from '../suite/benches.ts';

/** Where reports and charts are, in the project's folder. */
export const RESULTS = 'bench/results';

/** What a bench has written, as the tables and charts ask for it. */
export class StoredReport {
  readonly bench: Bench;
  readonly #meta: BenchReport['meta'];
  readonly rows: readonly BenchRow[];

  constructor(bench: Bench, { meta, rows }: BenchReport) {
    this.bench = bench;
    this.#meta = meta;
    this.rows = bench.hasMean === true ? [...rows, ...means(rows)] : rows;
  }

  /** @returns `undefined` where the bench has never been run */
  static read(root: string, bench: Bench): StoredReport | undefined {
    const file = path.join(root, RESULTS, `${bench.name}.json`);
    if (!existsSync(file)) return undefined;
    return new StoredReport(bench, JSON.parse(readFileSync(file, 'utf8')) as BenchReport);
  }

  get quick(): boolean {
    return this.#meta['quick'] === true;
  }

  /** Processor, system, Node and day. */
  get machine(): string {
    const { cpus, cpu, platform, node, date } = this.#meta;
    return `${String(cpus)} × ${String(cpu)}, ${String(platform)}, Node ${String(node).slice(1)}, ${String(date).slice(0, 10)}`;
  }

  /** Ours first, then those of the packages that the bench compares with. */
  get versions(): string[] {
    const versions = (this.#meta['versions'] ?? {}) as Readonly<Record<string, string>>;
    return ['mcp-granary', ...this.bench.packages].flatMap((name) => {
      const version = versions[name];
      return version === undefined ? [] : [`${name} ${version}`];
    });
  }

  /** Metrics in the order in which they first occur. */
  get metrics(): string[] {
    return [...new Set(this.rows.map(({ metric }) => metric))];
  }

  /** Workloads that have the metric, in the order in which they first occur. */
  workloads(metric: string): string[] {
    return [...new Set(this.#of(metric).map(({ workload }) => workload))];
  }

  contenders(metric: string): string[] {
    return [...new Set(this.#of(metric).map(({ contender }) => contender))];
  }

  unit(metric: string): string {
    return this.#of(metric)[0]?.unit ?? '';
  }

  value(workload: string, contender: string, metric: string): number | undefined {
    return this.#of(metric).find((row) => row.workload === workload && row.contender === contender)
      ?.value;
  }

  #of(metric: string): BenchRow[] {
    return this.rows.filter((row) => row.metric === metric);
  }
}

/** Of those that have the figure in every workload. */
function means(rows: readonly BenchRow[]): BenchRow[] {
  const groups = new Map<string, BenchRow[]>();
  for (const row of rows) {
    const key = `${row.metric} ${row.contender}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const most = Math.max(...[...groups.values()].map((group) => group.length));
  if (most < 2) return [];
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length < most) return [];
    const value = group.reduce((sum, row) => sum + row.value, 0) / group.length;
    return [{ ...first, workload: `mean of ${most}`, value }];
  });
}
