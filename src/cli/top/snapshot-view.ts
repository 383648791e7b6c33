import type { InspectionSnapshot } from '../../governor/inspect/inspection-snapshot.ts';
import { printable } from '../printable.ts';
import { cacheTable } from './cache-table.ts';
import { bytesText, countText, durationText, shareText } from './figures.ts';
import type { Span, TextLine } from './text-line.ts';
import { type Metric, toolTable } from './tool-table.ts';

/** How a snapshot is shown. */
export interface ViewOptions {
  /** In columns of a terminal; `Infinity` drops and cuts nothing. */
  readonly width: number;
  readonly metric: Metric;
  /** The one before it, if there is one: what CPU time was used since. */
  readonly previous?: InspectionSnapshot | undefined;
}

const NOTHING: TextLine = [];
const GAP = '  ';

/** @returns a snapshot as lines for people: the process, what has happened, tools, caches. */
export function snapshotLines(snapshot: InspectionSnapshot, options: ViewOptions): TextLine[] {
  const { tools, caches } = snapshot;
  const { width, metric } = options;
  return [
    processLine(snapshot, options.previous),
    ...eventLines(snapshot),
    ...(tools.length === 0 ? [] : [NOTHING, ...toolTable(tools, width, metric).lines(width)]),
    ...(caches.length === 0 ? [] : [NOTHING, ...cacheTable(caches).lines(width)]),
    ...(tools.length + caches.length === 0 ? [NOTHING, [faint('no tools, no caches')]] : []),
  ];
}

function processLine(
  { name, pid, process: { rssBytes, heapUsedBytes, cpuMs, uptimeMs }, tools }: InspectionSnapshot,
  previous: InspectionSnapshot | undefined,
): TextLine {
  const sinceMs = uptimeMs - (previous?.process.uptimeMs ?? 0);
  const share = (cpuMs - (previous?.process.cpuMs ?? 0)) / sinceMs;
  const running = tools.reduce((sum, tool) => sum + tool.running, 0);
  const waiting = tools.reduce((sum, tool) => sum + tool.waiting, 0);
  return [
    { text: printable(name), style: 'heading' },
    ...[
      ['pid', String(pid)],
      ['up', durationText(uptimeMs)],
      ['RSS', bytesText(rssBytes)],
      ['heap', bytesText(heapUsedBytes)],
      ['CPU', shareText(sinceMs > 0 ? share : 0)],
      ...(tools.length === 0
        ? []
        : [
            ['tools', countText(tools.length)],
            ['running', countText(running)],
            ['waiting', countText(waiting)],
          ]),
    ].flatMap(([label = '', value = '']) => [faint(`${GAP}${label} `), plain(printable(value))]),
  ];
}

/** What has happened at all. */
function eventLines({ events }: InspectionSnapshot): TextLine[] {
  const happened = Object.entries(events).filter(([, count]) => count > 0);
  if (happened.length === 0) return [];
  const parts = happened.flatMap(([event, count]) => [
    faint(`${GAP}${printable(event)} `),
    plain(countText(count)),
  ]);
  return [[faint('events'), ...parts]];
}

function faint(text: string): Span {
  return { text, style: 'faint' };
}

function plain(text: string): Span {
  return { text, style: 'plain' };
}
