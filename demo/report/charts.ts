import { bytes, count, milliseconds } from '../figures.ts';
import type { Measurement, RoundFigures } from '../measurement.ts';
import type { Contender, Workload } from '../pair.ts';
import { barChart, type Bar, type BarGroup } from './bar-chart.ts';
import { axisTop, lineChart } from './line-chart.ts';
import { escaped, type SeriesStyle } from './markup.ts';

const STYLES: Readonly<Record<Contender, SeriesStyle>> = {
  'SDK alone': 'plain',
  'with granary': 'granary',
};

const WIDE = 768;
const HALF = 460;

export function readsChart(measurements: readonly Measurement[]): string {
  return barChart({
    title: 'Reads per second by workload and server',
    width: WIDE,
    groups: groupsOf(measurements, (measurement) => ({
      ...medianBar(measurement, 'readsPerSecond'),
      caption: `${count(measurement.median.readsPerSecond)} /s`,
    })),
  });
}

export function latencyCharts(measurements: readonly Measurement[]): string {
  const charts = (
    [
      ['p50Ms', 'Half of the reads take at most (p50)'],
      ['p99Ms', '99 of 100 reads take at most (p99)'],
    ] as const
  ).map(([figure, title]) => {
    const chart = barChart({
      title,
      width: HALF,
      groups: groupsOf(measurements, (measurement) => ({
        ...medianBar(measurement, figure),
        caption: milliseconds(measurement.median[figure]),
      })),
    });
    return titled(title, chart);
  });
  return `<div class="columns two">${charts.join('')}</div>`;
}

export function loadsChart(measurements: readonly Measurement[]): string {
  return barChart({
    title: 'Loads of the origin by workload and server',
    width: WIDE,
    groups: groupsOf(measurements, ({ originLoads }) => ({
      value: originLoads,
      caption: count(originLoads),
    })),
  });
}

/** Entries and bytes each as a share of their bound, so that both tracks are of one length. */
export function boundsChart(measurements: readonly Measurement[]): string {
  const groups = measurements.flatMap(({ workload, cache }): BarGroup[] => {
    if (cache === undefined) return [];
    const { maxEntries, maxBytes, name: title } = workload;
    const bar = { style: 'granary', limit: 1 } as const;
    return [
      {
        title,
        bars: [
          {
            ...bar,
            label: 'entries',
            value: cache.peakSize / maxEntries,
            caption: `${count(cache.peakSize)} of ${count(maxEntries)}`,
          },
          {
            ...bar,
            label: 'bytes',
            value: cache.peakMemoryBytes / maxBytes,
            caption: `${bytes(cache.peakMemoryBytes)} of ${bytes(maxBytes)}`,
          },
        ],
      },
    ];
  });
  return barChart({ title: 'Most entries and bytes held, of their bounds', width: WIDE, groups });
}

export function roundCharts(measurements: readonly Measurement[]): string {
  const all = measurements.flatMap(({ rounds }) => rounds);
  const top = axisTop(Math.max(...all.map(({ readsPerSecond }) => readsPerSecond)));
  const charts = Array.from(byWorkload(measurements), ([{ name }, members]) =>
    titled(
      name,
      lineChart({
        title: `Reads per second by round: ${name}`,
        top,
        axis: 'round',
        lines: members.map(({ contender, rounds }) => ({
          label: contender,
          style: STYLES[contender],
          values: rounds.map(({ readsPerSecond }) => readsPerSecond),
        })),
      }),
    ),
  );
  return `<div class="columns">${charts.join('')}</div>`;
}

export function changesChart(freshMs: readonly number[]): string {
  const bars = freshMs.map((value, index): Bar => ({
    label: `change ${index + 1}`,
    value,
    caption: milliseconds(value),
    style: 'granary',
  }));
  return barChart({
    title: 'From each change on disk to the new content in the client',
    width: WIDE,
    groups: [{ title: '', bars }],
  });
}

/** What the second of two ways has changed: one group a figure, each over an axis of its own. */
export function pairCharts(
  charts: readonly {
    readonly title: string;
    readonly values: Readonly<Record<string, number>>;
    readonly captionOf: (value: number) => string;
  }[],
): string {
  const drawn = charts.map(({ title, values, captionOf }) => {
    const bars = Object.entries(values).map(([label, value], index): Bar => ({
      label,
      value,
      caption: captionOf(value),
      style: index === 0 ? 'plain' : 'granary',
    }));
    return titled(title, barChart({ title, width: HALF, groups: [{ title: '', bars }] }));
  });
  return `<div class="columns two">${drawn.join('')}</div>`;
}

function medianBar({ rounds, median }: Measurement, figure: keyof RoundFigures) {
  const values = rounds.map((round) => round[figure]);
  return {
    value: median[figure],
    range: [Math.min(...values), Math.max(...values)],
  } as const;
}

function groupsOf(
  measurements: readonly Measurement[],
  barOf: (measurement: Measurement) => Omit<Bar, 'label' | 'style'>,
): BarGroup[] {
  return Array.from(byWorkload(measurements), ([{ name: title }, members]) => ({
    title,
    bars: members.map((measurement) => ({
      ...barOf(measurement),
      label: measurement.contender,
      style: STYLES[measurement.contender],
    })),
  }));
}

function byWorkload(measurements: readonly Measurement[]): Map<Workload, Measurement[]> {
  const groups = new Map<Workload, Measurement[]>();
  for (const measurement of measurements) {
    const group = groups.get(measurement.workload);
    if (group === undefined) groups.set(measurement.workload, [measurement]);
    else group.push(measurement);
  }
  return groups;
}

function titled(title: string, chart: string): string {
  return `<div><h3>${escaped(title)}</h3>${chart}</div>`;
}
