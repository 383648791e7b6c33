import { metricOf } from '../metrics.ts';
import { comparison, costlyWins, losses, type Comparison } from './comparison.ts';
import { figure, table } from './markdown.ts';
import type { StoredReport } from './stored-report.ts';

/** What bench/README.md says of a bench: where the figures are from, all of them, and what is lost. */
export function benchSection(report: StoredReport, charts: readonly string[]): string {
  const { subjects } = report.bench;
  return [
    provenance(report),
    ...report.metrics.map((metric) => metricTable(report, metric)),
    [...subjects.map((subject) => lossList(report, subject)), ...costLines(report)].join('\n'),
    ...charts.map((file) => `![${file.replace('.svg', '')}](results/${file})`),
  ].join('\n\n');
}

/** What the README of the project says: the figures that a user asks for first. */
export function headlineSection(reports: readonly StoredReport[]): string {
  const all = reports.flatMap(headlines);
  if (all.length === 0) return 'Not measured yet.';
  const rows = all.map(
    ({ bench, workload, metricName, subject, own, rival, other, unit, ...rest }) => [
      bench,
      workload,
      named(metricName, unit),
      `${subject} ${figure(own)}`,
      `${rival} ${figure(other)}`,
      verdict(rest),
    ],
  );
  const lost = all
    .filter(({ lost }) => lost)
    .map(({ workload, metricName, subject }) => `\`${workload}\` (${metricName}, ${subject})`);
  const shown = reports.filter((report) => headlines(report).length > 0);
  const sources = new Map<string, string[]>();
  for (const { machine, quick, bench } of shown) {
    const source = quick ? `${machine}, a quick run, for a look only` : machine;
    sources.set(source, [...(sources.get(source) ?? []), bench.name]);
  }
  const versions = new Set(shown.flatMap((report) => report.versions));
  return [
    table(['bench', 'workload', 'figure', 'granary', 'against', 'better by'], rows, 5),
    `Of these granary loses: ${lost.length === 0 ? 'none' : lost.join(', ')}.`,
    ...Array.from(sources, ([source, names]) => `${names.join(', ')}: ${source}.`),
    `${[...versions].join(', ')}.`,
  ].join('\n\n');
}

function headlines(report: StoredReport): (Comparison & { readonly bench: string })[] {
  return report.bench.headlines.flatMap(({ subject, workload, metrics }) =>
    metrics.flatMap((metric) =>
      report
        .workloads(metric)
        .filter((name) => workload.test(name))
        .flatMap((name) => {
          const of = { workload: name, metric, subject, rival: report.bench.baseline };
          const found = comparison(report, of);
          return found === undefined ? [] : [{ ...found, bench: report.bench.name }];
        }),
    ),
  );
}

function provenance(report: StoredReport): string {
  const quick = report.quick ? ' **A quick run: for a look, not for a figure.**' : '';
  return `${report.machine}; ${report.versions.join(', ')}.${quick}`;
}

function named(metric: string, unit: string): string {
  const isSaid =
    unit === '' ||
    unit === 'x' ||
    metric.endsWith(`-${unit.toLowerCase()}`) ||
    metric.startsWith(unit);
  return isSaid ? metric : `${metric}, ${unit}`;
}

function verdict({ metric, advantage, lost }: Pick<Comparison, 'metric' | 'advantage' | 'lost'>) {
  const text = metric.by === 'points' ? `${advantage.toFixed(1)} points` : times(advantage);
  return lost ? `**${text}, loses**` : text;
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio < 100 ? ratio.toFixed(2) : figure(ratio)} ×` : '∞';
}

/** A row a workload, a column a contender, and how ours stand against the baseline. */
function metricTable(report: StoredReport, metricName: string): string {
  const { subjects, baseline, floors } = report.bench;
  const metric = metricOf(metricName);
  const contenders = report.contenders(metricName);
  const against = contenders.includes(baseline)
    ? subjects.filter((subject) => contenders.includes(subject) && metric !== undefined)
    : [];
  const rows = report.workloads(metricName).map((workload) => {
    const values = contenders.map((contender) => report.value(workload, contender, metricName));
    const beatable = contenders.flatMap((contender, index) => {
      const value = values[index];
      return value === undefined || floors.includes(contender) ? [] : [value];
    });
    const best = metric?.better === 'higher' ? Math.max(...beatable) : Math.min(...beatable);
    const cells = values.map((value) => {
      if (value === undefined) return '';
      const isBest = metric !== undefined && beatable.length > 1 && value === best;
      return isBest ? `**${figure(value)}**` : figure(value);
    });
    const verdicts = against.map((subject) => {
      const of = { workload, metric: metricName, subject, rival: baseline };
      const found = comparison(report, of);
      return found === undefined ? '' : verdict(found);
    });
    return [workload, ...cells, ...verdicts];
  });
  const direction = metric === undefined ? '' : ` (${metric.better} is better)`;
  const title = `${named(metricName, report.unit(metricName))}${direction}`;
  const header = [title, ...contenders, ...against.map((subject) => `${subject} : ${baseline}`)];
  return table(header, rows, 1);
}

function lossList(report: StoredReport, subject: string): string {
  const lost = losses(report, subject);
  const lines = [...new Set(lost.map(({ metricName }) => metricName))].map((metric) => {
    const workloads = new Map<string, string[]>();
    for (const { metricName, workload, own, rival, other } of lost) {
      if (metricName !== metric) continue;
      const key = `\`${workload}\` (${figure(own)})`;
      workloads.set(key, [...(workloads.get(key) ?? []), `${rival} (${figure(other)})`]);
    }
    const parts = Array.from(workloads, ([key, rivals]) => `${key} to ${rivals.join(', ')}`);
    return `\n  - ${metric}: ${parts.join('; ')}`;
  });
  return `- **${subject} loses:**${lost.length === 0 ? ' nothing' : lines.join('')}`;
}

function costLines(report: StoredReport): string[] {
  return costlyWins(report).map(
    ({ workload, subject, wall, cpu }) =>
      `- **${subject} pays for** \`${workload}\`: ${times(wall)} as fast on wall time as ${report.bench.baseline}, at ${times(cpu)} its CPU.`,
  );
}
