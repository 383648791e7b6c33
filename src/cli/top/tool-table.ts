import type { ToolInspection } from '../../governor/inspect/tool-inspection.ts';
import type { Amount } from '../../governor/resource-usage.ts';
import { barText, bytesText, countText, shareText, sparklineText } from './figures.ts';
import { type Cell, type Column, Table } from './table.ts';
import type { Style } from './text-line.ts';

/** Of what the history is drawn. */
export type Metric = 'memory' | 'cpu';

const SECOND_MS = 1_000;
const HISTORY_SECONDS = 60;

/** In characters: of the history each is as high as the most of the seconds that it stands for. */
interface Widths {
  readonly history: number;
  readonly bar: number;
}

const WIDTHS: readonly [Widths, ...Widths[]] = [
  { history: 60, bar: 10 },
  { history: 30, bar: 10 },
  { history: 20, bar: 8 },
  { history: 10, bar: 5 },
];

const SEVERITIES = ['emergency', 'critical', 'warning', 'normal'];
const STATUS_STYLES: Readonly<Record<string, Style>> = {
  normal: 'good',
  warning: 'near',
  critical: 'over',
  emergency: 'over',
};

/** Of a text that goes somewhere else than on a terminal: narrow enough to be read there too. */
const PLAIN_WIDTHS: Widths = { history: 20, bar: 10 };

/** The tools, those nearest to their limits first, with a history and bars for which there is room. */
export function toolTable(tools: readonly ToolInspection[], width: number, metric: Metric): Table {
  const sorted = tools.toSorted(
    (a, b) => SEVERITIES.indexOf(a.status) - SEVERITIES.indexOf(b.status),
  );
  const columns = columnsWith(metric);
  const tableOf = (widths: Widths): Table =>
    new Table(
      columns,
      sorted.map((tool) => rowOf(tool, metric, widths)),
    );
  if (!Number.isFinite(width)) return tableOf(PLAIN_WIDTHS);
  const [widest, ...others] = WIDTHS;
  return others.reduce(
    (table, widths) => (table.width <= width ? table : tableOf(widths)),
    tableOf(widest),
  );
}

function columnsWith(metric: Metric): readonly Column[] {
  return [
    { title: 'TOOL', align: 'left' },
    { title: 'ISOLATION', align: 'left', dropRank: 8 },
    { title: 'STATUS', align: 'left' },
    { title: 'RUN', align: 'right' },
    { title: 'WAIT', align: 'right', dropRank: 1 },
    { title: 'DONE', align: 'right', dropRank: 9 },
    { title: 'MEMORY', align: 'right' },
    { title: 'LIMIT', align: 'right', dropRank: 7 },
    { title: 'USED', align: 'left', dropRank: 5 },
    { title: 'CPU', align: 'right' },
    { title: 'FILES', align: 'right', dropRank: 2 },
    { title: 'SOCKETS', align: 'right', dropRank: 6 },
    { title: metric === 'memory' ? 'MEMORY, 60 S' : 'CPU, 60 S', align: 'left', dropRank: 4 },
  ];
}

function rowOf(tool: ToolInspection, metric: Metric, widths: Widths): readonly Cell[] {
  const { toolId, isolation, status, running, waiting, executions, usage, limits } = tool;
  const { memoryBytes, fileHandles, networkConnections } = usage;
  const memoryShare = memoryBytes.value / limits.maxMemoryBytes;
  const cpuMs = secondsOf(tool, 'cpu');
  const history = metric === 'cpu' ? cpuMs : secondsOf(tool, 'memory');
  return [
    { text: toolId },
    { text: isolation },
    { text: status, style: STATUS_STYLES[status] ?? 'plain' },
    { text: countText(running) },
    { text: countText(waiting), style: waiting > 0 ? 'near' : 'plain' },
    { text: countText(executions) },
    { text: amountText(memoryBytes, bytesText) },
    { text: bytesText(limits.maxMemoryBytes), style: 'faint' },
    {
      text: barText(Number.isFinite(limits.maxMemoryBytes) ? memoryShare : Infinity, widths.bar),
      style: shareStyle(memoryShare),
    },
    { text: shareText((cpuMs.at(-1) ?? 0) / SECOND_MS) },
    ofLimit(fileHandles, limits.maxFileHandles),
    ofLimit(networkConnections, limits.maxNetworkConnections),
    { text: sparklineText(history, widths.history) },
  ];
}

/** What was used in each of the last 60 whole seconds, from the oldest. */
function secondsOf({ atMs, history }: ToolInspection, metric: Metric): readonly number[] {
  const endMs = atMs - (atMs % SECOND_MS);
  const seconds = Array.from({ length: HISTORY_SECONDS }, () => 0);
  for (const { fromMs, memoryBytes, cpuTimeMs } of history) {
    const place = HISTORY_SECONDS - Math.round((endMs - fromMs) / SECOND_MS);
    if (place < 0 || place >= HISTORY_SECONDS) continue;
    seconds[place] = metric === 'cpu' ? cpuTimeMs : memoryBytes;
  }
  return seconds;
}

/** Near a limit as the status of a tool is by default. */
function shareStyle(share: number): Style {
  if (share >= 0.95) return 'over';
  return share >= 0.8 ? 'near' : 'good';
}

function ofLimit(amount: Amount, limit: number): Cell {
  const used = amountText(amount, countText);
  if (!Number.isFinite(limit)) return { text: used };
  const style = shareStyle(amount.value / limit);
  return { text: `${used}/${countText(limit)}`, style: style === 'good' ? 'plain' : style };
}

/** What is only an estimate says so. */
function amountText({ value, confidence }: Amount, text: (value: number) => string): string {
  return `${confidence === 'estimate' && value > 0 ? '~' : ''}${text(value)}`;
}
