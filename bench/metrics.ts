/** What a metric of a report says about who is better. */
export interface Metric {
  readonly better: 'lower' | 'higher';
  /** How two values are held against each other: as a quotient, or in points of a percentage. */
  readonly by: 'ratio' | 'points';
  /** What the axis of a chart says. */
  readonly label: string;
}

function lower(label: string): Metric {
  return { better: 'lower', by: 'ratio', label };
}

function higher(label: string): Metric {
  return { better: 'higher', by: 'ratio', label };
}

function points(label: string): Metric {
  return { better: 'higher', by: 'points', label };
}

/** By the name that reports use. A metric that is missing here is shown, and judges nobody. */
const METRICS: ReadonlyMap<string, Metric> = new Map([
  ['ns/op', lower('wall time of one operation')],
  ['cpu-ns/op', lower('CPU of the whole process for one operation')],
  ['hitRatio', points('hit ratio, settled')],
  ['hitRatioLive', points('hit ratio at full speed')],
  ['p99-ms', lower('delay, p99')],
  ['p999-ms', lower('event-loop delay, p99.9')],
  ['max-ms', lower('longest event-loop delay')],
  ['gc-ms', lower('time in garbage collection')],
  ['rss-mb', lower('resident memory')],
  ['heap-mb', lower('JS heap')],
  ['bytes-per-entry', lower('memory of an entry beyond key and value')],
  ['after-clear-share', lower('kept after clear(), of what filling took')],
  ['loads', lower('loads of the origin')],
  ['origin-loads', lower('loads of the origin, over all processes')],
  ['answered-ms', lower('time until all callers are answered')],
  ['cpu-ms', lower('CPU of all processes')],
  ['server-cpu-ns/op', lower('CPU of the server for one operation')],
  ['p50-ms', lower('delay, p50')],
  ['served', higher('runs that ended well')],
  ['violations', lower('stale reads; of limits: share of samples above')],
  ['slack', lower('share of the limit that is not used')],
  ['episodes-per-day', lower('runs of samples above the limit, a day')],
  ['changes-per-day', lower('moves of the limit by more than 1 %, a day')],
  ['cover-seconds', lower('time until the limit covers a step')],
  ['resolve', lower('time to find the pattern of a URI')],
  ['mase', lower('mean absolute scaled error of a forecast')],
  ['mdase', lower('median absolute scaled error of a forecast')],
  ['us/forecast', lower('wall time of one forecast')],
  ['us/read', lower('wall time of one answer, client included')],
  ['p99-us', lower('time until an answer is there, p99')],
  ['server-cpu-us/read', lower('CPU of the server for one answer')],
  ['us/sample', lower('wall time of one sample')],
  ['us/execution', lower('wall time of one execution')],
  ['cpu-us/execution', lower('CPU of the whole process for one execution')],
  ['completed-per-minute', higher('jobs completed in a minute')],
  ['out-of-memory', lower('times beyond the limit of memory')],
  ['peak-mb', lower('most memory at a time')],
  ['p99-wait-ms', lower('wait until a job begins, p99')],
  ['cpu-share', lower('share of a core')],
  ['growth', lower('growth')],
]);

export function metricOf(name: string): Metric | undefined {
  return METRICS.get(name);
}

/**
 * By how much `own` is better than `other`: a quotient (> 1 = better), or a difference in points
 * (> 0 = better).
 */
export function advantage({ better, by }: Metric, own: number, other: number): number {
  if (by === 'points') return better === 'higher' ? own - other : other - own;
  // Below zero is what measuring adds to nothing.
  const [a, b] = [Math.max(own, 0), Math.max(other, 0)];
  if (a === b) return 1;
  return better === 'lower' ? b / a : a / b;
}

/** By the digits that are shown: nobody loses by 1.00 times. */
export function isLost({ by }: Metric, value: number): boolean {
  return by === 'ratio' ? Math.round(100 * value) < 100 : Math.round(10 * value) < 0;
}
