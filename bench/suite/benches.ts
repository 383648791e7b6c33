/** What a chart of a bench shows; one SVG file each. */
export type ChartPlan =
  /** How the subjects stand against the baseline, a bar a workload. */
  | { readonly kind: 'ratios'; readonly suffix: string; readonly metric: string }
  /** A panel for each workload and metric, a bar a contender. */
  | {
      readonly kind: 'bars';
      readonly suffix: string;
      /** All of the report where it is left out. */
      readonly metrics?: readonly string[];
      readonly scale: 'linear' | 'log';
    }
  /** Of workloads `name@count`: the metric over the count, a line a contender. */
  | {
      readonly kind: 'growth';
      readonly suffix: string;
      readonly metric: string;
      /** What the count is of. */
      readonly counted: string;
    }
  /** A point a contender, of its means over the workloads whose names begin with `group`. */
  | {
      readonly kind: 'pareto';
      readonly suffix: string;
      readonly x: string;
      readonly y: string;
      readonly group: string;
    };

/** Figures of a bench that the README of the project shows. */
export interface Headline {
  readonly subject: string;
  readonly workload: RegExp;
  readonly metrics: readonly string[];
}

export interface Bench {
  /** Its folder below bench, and its npm script behind `bench:`. */
  readonly name: string;
  /** Whom the subjects are held against. */
  readonly baseline: string;
  /** The contenders that are ours and that a loss is told of. */
  readonly subjects: readonly string[];
  /** What nobody can be better than: shown, and no loss. */
  readonly floors: readonly string[];
  /** Whether the mean over its workloads says something; it then stands as one of them. */
  readonly hasMean?: boolean;
  /** Packages whose versions belong to the figures. */
  readonly packages: readonly string[];
  readonly headlines: readonly Headline[];
  readonly charts: readonly ChartPlan[];
}

/** All benches, in the order in which `npm run bench` runs them. */
export const BENCHES: readonly Bench[] = [
  {
    name: 'hot',
    baseline: 'lru-cache-ttl',
    subjects: ['granary', 'granary-native'],
    floors: ['map'],
    packages: [
      ...['lru-cache', 'quick-lru', 'tiny-lru', 'transitory', '@cacheable/memory'],
      'cache-manager',
    ],
    headlines: [
      { subject: 'granary', workload: /^[^@]+$/, metrics: ['ns/op'] },
      { subject: 'granary', workload: /^read-through-zipf$/, metrics: ['hitRatio'] },
      { subject: 'granary-native', workload: /^get-hit$/, metrics: ['ns/op'] },
    ],
    charts: [
      { kind: 'ratios', suffix: '-ratios', metric: 'ns/op' },
      { kind: 'ratios', suffix: '-cpu-ratios', metric: 'cpu-ns/op' },
      { kind: 'bars', suffix: '', metrics: ['ns/op'], scale: 'log' },
      { kind: 'growth', suffix: '-growth', metric: 'ns/op', counted: 'entries' },
      {
        kind: 'growth',
        suffix: '-growth-memory',
        metric: 'bytes-per-entry',
        counted: 'entries',
      },
    ],
  },
  {
    name: 'hit-ratio',
    baseline: 'lru-cache',
    subjects: ['granary'],
    floors: ['optimal'],
    hasMean: true,
    packages: ['lru-cache', 'transitory', 'moka'],
    headlines: [{ subject: 'granary', workload: /^mean/, metrics: ['hitRatio', 'hitRatioLive'] }],
    charts: [
      { kind: 'bars', suffix: '', metrics: ['hitRatio'], scale: 'linear' },
      { kind: 'bars', suffix: '-live', metrics: ['hitRatioLive'], scale: 'linear' },
    ],
  },
  {
    name: 'gc',
    baseline: 'lru-cache',
    subjects: ['granary-native'],
    floors: [],
    packages: ['lru-cache'],
    headlines: [
      {
        subject: 'granary-native',
        workload: /^replace-/,
        metrics: ['p99-ms', 'gc-ms', 'rss-mb', 'heap-mb'],
      },
    ],
    charts: [{ kind: 'bars', suffix: '', scale: 'linear' }],
  },
  {
    name: 'workers',
    baseline: 'lru-cache',
    subjects: ['granary-native'],
    floors: [],
    packages: ['lru-cache', 'lmdb', 'redis'],
    headlines: [
      {
        subject: 'granary-native',
        workload: /^(near-hit|memory|origin)-4$/,
        metrics: ['ns/op', 'rss-mb', 'loads'],
      },
    ],
    charts: [{ kind: 'bars', suffix: '', scale: 'linear' }],
  },
  {
    name: 'tiers',
    baseline: 'bentocache',
    subjects: ['granary'],
    floors: [],
    packages: [
      ...['bentocache', 'cacheable', 'cache-manager', 'layered-loader', 'redis', 'ioredis'],
      '@keyv/redis',
    ],
    headlines: [
      { subject: 'granary', workload: /^stampede-4x250$/, metrics: ['origin-loads'] },
      { subject: 'granary', workload: /^invalidation$/, metrics: ['p99-ms'] },
      { subject: 'granary', workload: /^(l1-hit|l2-hit|miss)$/, metrics: ['ns/op'] },
    ],
    charts: [{ kind: 'bars', suffix: '', scale: 'log' }],
  },
  {
    name: 'mcp',
    baseline: 'sdk+lru-cache',
    subjects: ['granary', 'granary-bytes'],
    floors: [],
    packages: ['@modelcontextprotocol/sdk', 'lru-cache'],
    headlines: [
      {
        subject: 'granary-bytes',
        workload: /^(stdio|http-stateful)\/(read-(10kB|1MB)|tools-list-50)$/,
        metrics: ['us/read'],
      },
      { subject: 'granary-bytes', workload: /^http-stateless\/read-10kB$/, metrics: ['us/read'] },
    ],
    charts: [
      { kind: 'ratios', suffix: '-ratios', metric: 'us/read' },
      { kind: 'bars', suffix: '', metrics: ['us/read'], scale: 'log' },
    ],
  },
  {
    name: 'memory',
    baseline: 'lru-cache',
    subjects: ['granary', 'granary-native'],
    floors: ['map'],
    packages: ['lru-cache'],
    headlines: [],
    charts: [{ kind: 'bars', suffix: '', metrics: ['rss-mb', 'heap-mb'], scale: 'linear' }],
  },
  {
    name: 'registry',
    baseline: 'sdk',
    subjects: ['granary'],
    floors: [],
    packages: ['@modelcontextprotocol/sdk'],
    headlines: [{ subject: 'granary', workload: /^resolve@10000$/, metrics: ['resolve'] }],
    charts: [{ kind: 'growth', suffix: '', metric: 'resolve', counted: 'patterns' }],
  },
  {
    name: 'sampler',
    baseline: 'pidusage',
    subjects: ['granary'],
    floors: [],
    packages: ['pidusage', 'systeminformation'],
    headlines: [{ subject: 'granary', workload: /^(memory-cpu|sockets)$/, metrics: ['us/sample'] }],
    charts: [{ kind: 'bars', suffix: '', metrics: ['us/sample'], scale: 'log' }],
  },
  {
    name: 'governor',
    baseline: 'als',
    subjects: ['granary'],
    floors: ['als', 'granary-inline'],
    packages: [],
    headlines: [],
    charts: [{ kind: 'bars', suffix: '', metrics: ['us/execution'], scale: 'linear' }],
  },
  {
    name: 'limits',
    baseline: 'max-24h',
    subjects: ['granary'],
    floors: [],
    packages: [],
    headlines: [],
    charts: ['nab_', 'azure_', 'synthetic_'].map((group) => ({
      kind: 'pareto',
      suffix: `-${group.slice(0, -1)}`,
      x: 'slack',
      y: 'violations',
      group,
    })),
  },
  {
    name: 'forecast',
    baseline: 'seasonal-naive',
    subjects: ['granary'],
    floors: [],
    packages: [],
    headlines: [],
    charts: [],
  },
  {
    name: 'admission',
    baseline: 'cap-best',
    subjects: ['granary'],
    floors: [],
    packages: ['p-queue'],
    headlines: [{ subject: 'granary', workload: /^mixed-/, metrics: ['completed-per-minute'] }],
    charts: [
      {
        kind: 'bars',
        suffix: '',
        metrics: ['completed-per-minute', 'out-of-memory'],
        scale: 'linear',
      },
    ],
  },
];
