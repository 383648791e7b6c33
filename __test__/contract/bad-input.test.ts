import { describe, expect, it } from 'vitest';
import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { GranaryError, GranaryErrorCode } from '../../src/errors.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';

/** Each with how a message names it. */
const notNumbers: readonly [unknown, string][] = [
  ['5', '"5"'],
  [null, 'null'],
  [true, 'true'],
  [5n, '5n'],
  [[5], 'an array of 1'],
  [{}, 'an object'],
  [() => 5, 'a function'],
  [Symbol('5'), 'a symbol'],
];
const notFinite: readonly [unknown, string][] = [
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
];
const notBounds = [
  ...notNumbers,
  ...notFinite,
  [0, '0'],
  [-1, '-1'],
  [1.5, '1.5'],
  [2 ** 60, String(2 ** 60)],
] as const;
const notDurations = [
  ...notNumbers,
  ...notFinite,
  [-1, '-1'],
  [-0.5, '-0.5'],
  [4e12, '4000000000000'],
] as const;
const notFunctions: readonly [unknown, string][] = [
  ...notNumbers.filter(([value]) => typeof value !== 'function'),
  ['weigh', '"weigh"'],
  [1, '1'],
];
const notObjects: readonly [unknown, string][] = [
  ['text', '"text"'],
  [1, '1'],
  [null, 'null'],
  [[], 'an array of 0'],
  [() => {}, 'a function'],
];
const notUris: readonly [unknown, string][] = [
  ...notNumbers.filter(([value]) => typeof value !== 'string'),
  ...notFinite,
  ['', '""'],
  [undefined, 'undefined'],
  [new URL('mem://a'), 'an object'],
];
const notTags: readonly [unknown, string][] = [
  ['red', '"red"'],
  [1, '1'],
  [null, 'null'],
  [new Set(['red']), 'an object'],
  [[''], '""'],
  [['red', 1], '1'],
  [[undefined], 'undefined'],
];
const notPatterns: readonly [unknown, string][] = [
  ['', '""'],
  [1, '1'],
  [null, 'null'],
  [undefined, 'undefined'],
  [{ test: () => true }, 'an object'],
  [['a*'], 'an array of 1'],
];
const notIterables: readonly [unknown, string][] = [
  ['mem://a', '"mem://a"'],
  [1, '1'],
  [null, 'null'],
  [undefined, 'undefined'],
  [{ length: 1, 0: 'mem://a' }, 'an object'],
];

/** Names the option, the value and the allowed range, for people and for machines. */
function expectNamed(failure: GranaryError, option: string, shown: string, allowed: RegExp): void {
  expect(failure.message).toContain(option);
  expect(failure.message).toContain(`got ${shown}`);
  expect(failure.message).toMatch(allowed);
  expect(failure.data['allowed']).toMatch(allowed);
}

interface BadOption {
  readonly option: string;
  readonly values: readonly (readonly [unknown, string])[];
  readonly allowed: RegExp;
}

const options: readonly BadOption[] = [
  { option: 'maxEntries', values: notBounds, allowed: /an integer from 1 to \d+/ },
  { option: 'maxBytes', values: notBounds, allowed: /an integer from 1 to \d+/ },
  {
    option: 'ttlMs',
    values: notDurations,
    allowed: /number of ms from 0 \(never expires\) to \d+/,
  },
  { option: 'idleTtlMs', values: notDurations, allowed: /number of ms from 0 \(off\) to \d+/ },
  {
    option: 'policy',
    values: [...notObjects.filter(([value]) => value !== 'text'), ['LRU', '"LRU"'], ['', '""']],
    allowed: /'adaptive', 'tinylfu', 'lru'/,
  },
  {
    option: 'storage',
    values: [
      ['disk', '"disk"'],
      [null, 'null'],
      [0, '0'],
    ],
    allowed: /'heap'/,
  },
  { option: 'weigh', values: notFunctions, allowed: /a function/ },
  {
    option: 'clock',
    values: [
      ...notObjects,
      [{}, 'an object'],
      [{ now: 5 }, 'an object'],
      [new Date(0).valueOf, 'a function'],
    ],
    allowed: /an object with now\(\)/,
  },
  {
    option: 'logger',
    values: [...notObjects, [{ info: () => {} }, 'an object']],
    allowed: /an object with debug\(\), info\(\), warn\(\), error\(\)/,
  },
];

describe('bad options of a cache', () => {
  for (const { option, values, allowed } of options) {
    it.each(values.map(([value, shown]) => [shown, value] as const))(
      `${option}: %s is refused by name [INPUT-OPTIONS]`,
      async (shown, value) => {
        const given = { [option]: value } as unknown as CacheOptions<unknown>;
        const failure = await granaryFailure(
          () => new ResourceCache(given),
          'ERR_GRANARY_BAD_OPTION',
        );
        expectNamed(failure, option, shown, allowed);
      },
    );
  }

  it.each(notObjects.map(([value, shown]) => [shown, value] as const))(
    'options: %s is refused by name [INPUT-OPTIONS]',
    async (shown, value) => {
      const failure = await granaryFailure(
        () => new ResourceCache(value as never),
        'ERR_GRANARY_BAD_OPTION',
      );
      expectNamed(failure, 'options', shown, /an object/);
    },
  );

  it('undefined is as good as left out, for every option [INPUT-OPTIONS, CACHE-CONFIG]', () => {
    const given = Object.fromEntries(options.map(({ option }) => [option, undefined]));
    const cache = new ResourceCache<string>({ ...given, clock: new ManualClock() });
    cache.set('mem://a', 'v');
    expect(cache.get('mem://a')).toBe('v');
    expect(cache.stats()).toMatchObject({
      maxSize: 100,
      maxMemoryBytes: 104_857_600,
      ttlSeconds: 900,
    });
    cache.close();
  });
});

type Call = (cache: ResourceCache<string>, value: never) => unknown;

interface BadArgument {
  readonly call: string;
  readonly option: string;
  readonly values: readonly (readonly [unknown, string])[];
  readonly allowed: RegExp;
  readonly code?: GranaryErrorCode;
  readonly run: Call;
}

const A = 'mem://a';
const loader = (): string => 'loaded';
const URI = {
  option: 'URI',
  values: notUris,
  allowed: /non-empty string/,
  code: 'ERR_GRANARY_BAD_URI',
} as const;

const storeOptions = (
  call: string,
  run: (cache: ResourceCache<string>, options: never) => unknown,
): BadArgument[] => [
  {
    call,
    option: 'ttlMs',
    values: notDurations,
    allowed: /ms from 0 \(never expires\)/,
    run: (cache, ttlMs) => run(cache, { ttlMs } as never),
  },
  {
    call,
    option: 'idleTtlMs',
    values: notDurations,
    allowed: /ms from 0 \(off\)/,
    run: (cache, idleTtlMs) => run(cache, { idleTtlMs } as never),
  },
  {
    call,
    option: 'weightBytes',
    values: [...notNumbers, ...notFinite, [-1, '-1'], [2 ** 60, String(2 ** 60)]],
    allowed: /bytes from 0 to \d+/,
    run: (cache, weightBytes) => run(cache, { weightBytes } as never),
  },
  {
    call,
    option: 'tags',
    values: notTags,
    allowed: /array of non-empty strings/,
    run: (cache, tags) => run(cache, { tags } as never),
  },
  { call, option: 'options', values: notObjects, allowed: /an object/, run },
];

const methods: readonly BadArgument[] = [
  { ...URI, call: 'get', run: (cache, uri) => cache.get(uri) },
  { ...URI, call: 'peek', run: (cache, uri) => cache.peek(uri) },
  { ...URI, call: 'has', run: (cache, uri) => cache.has(uri) },
  { ...URI, call: 'info', run: (cache, uri) => cache.info(uri) },
  { ...URI, call: 'set', run: (cache, uri) => cache.set(uri, 'v') },
  { ...URI, call: 'load', run: (cache, uri) => cache.load(uri, loader) },
  { ...URI, call: 'invalidate', run: (cache, uri) => cache.invalidate(uri) },
  { ...URI, call: 'getMany', run: (cache, uri) => cache.getMany(['mem://b', uri]) },
  {
    ...URI,
    call: 'setMany',
    run: (cache, uri) =>
      cache.setMany([
        ['mem://new', 'v'],
        [uri, 'v'],
      ]),
  },
  {
    ...URI,
    call: 'loadMany',
    run: (cache, uri) => cache.loadMany(['mem://new', uri], () => new Map()),
  },
  ...storeOptions('set', (cache, options) => cache.set(A, 'v', options)),
  ...storeOptions('setMany', (cache, options) => cache.setMany([['mem://new', 'v']], options)),
  ...storeOptions('load', (cache, options) => cache.load('mem://new', loader, options)),
  ...storeOptions('loadMany', (cache, options) =>
    cache.loadMany(['mem://new'], () => new Map(), options),
  ),
  {
    call: 'getMany',
    option: 'uris',
    values: notIterables,
    allowed: /iterable/,
    run: (cache, uris) => cache.getMany(uris),
  },
  {
    call: 'loadMany',
    option: 'uris',
    values: notIterables,
    allowed: /iterable/,
    run: (cache, uris) => cache.loadMany(uris, () => new Map()),
  },
  {
    call: 'setMany',
    option: 'entries',
    values: notIterables,
    allowed: /iterable/,
    run: (cache, entries) => cache.setMany(entries),
  },
  {
    call: 'setMany',
    option: 'entries',
    values: [
      ['pair', '"pair"'],
      [null, 'null'],
      [{ uri: A, value: 'v' }, 'an object'],
    ],
    allowed: /\[uri, value\]/,
    run: (cache, pair) => cache.setMany([['mem://new', 'v'], pair]),
  },
  {
    call: 'load',
    option: 'loader',
    values: notFunctions,
    allowed: /a function/,
    run: (cache, given) => cache.load('mem://new', given),
  },
  {
    call: 'load on a hit',
    option: 'loader',
    values: notFunctions,
    allowed: /a function/,
    run: (cache, given) => cache.load(A, given),
  },
  {
    call: 'loadMany',
    option: 'loader',
    values: [...notFunctions, [undefined, 'undefined']],
    allowed: /a function/,
    run: (cache, given) => cache.loadMany([A], given),
  },
  {
    call: 'load',
    option: 'signal',
    values: [
      [{ aborted: false }, 'an object'],
      [null, 'null'],
      [new AbortController(), 'an object'],
      ['abort', '"abort"'],
    ],
    allowed: /an AbortSignal/,
    run: (cache, signal) => cache.load('mem://new', loader, { signal }),
  },
  {
    call: 'invalidatePattern',
    option: 'pattern',
    values: notPatterns,
    allowed: /RegExp or a non-empty string/,
    run: (cache, pattern) => cache.invalidatePattern(pattern),
  },
  {
    call: 'invalidateTag',
    option: 'tag',
    values: [...notUris.filter(([value]) => !(value instanceof URL))],
    allowed: /non-empty string/,
    run: (cache, tag) => cache.invalidateTag(tag),
  },
  {
    call: 'resize',
    option: 'maxEntries',
    values: notBounds,
    allowed: /an integer from 1/,
    run: (cache, maxEntries) => cache.resize({ maxEntries, maxBytes: 1 }),
  },
  {
    call: 'resize',
    option: 'maxBytes',
    values: notBounds,
    allowed: /an integer from 1/,
    run: (cache, maxBytes) => cache.resize({ maxEntries: 1, maxBytes }),
  },
  {
    call: 'resize',
    option: 'bounds',
    values: notObjects,
    allowed: /an object/,
    run: (cache, bounds) => cache.resize(bounds),
  },
  ...(['on', 'once', 'off'] as const).flatMap((call): BadArgument[] => [
    {
      call,
      option: 'listener',
      values: [...notFunctions, [undefined, 'undefined']],
      allowed: /a function/,
      run: (cache, listener) => cache[call]('accessed', listener),
    },
    {
      call,
      option: 'event',
      values: [
        ['set', '"set"'],
        ['__proto__', '"__proto__"'],
        ['constructor', '"constructor"'],
        [1, '1'],
        [undefined, 'undefined'],
      ],
      allowed: /'loaded', 'accessed', 'invalidated', 'expired', 'evicted'/,
      run: (cache, event) => cache[call](event, loader),
    },
  ]),
];

/** What every test of bad input holds against its end: contents, accounts and counters. */
function snapshot(cache: ResourceCache<string>) {
  return {
    entries: [...cache],
    infos: [...cache.keys()].map((uri) => cache.info(uri)),
    stats: cache.stats(),
    maxEntryBytes: cache.maxEntryBytes,
  };
}

describeEachVariant('bad arguments', (variant) => {
  watchProcess();

  it.each(methods.map((method) => [method.call, method.option, method] as const))(
    '%s with a bad %s throws by name and loses nothing [INPUT-METHODS]',
    async (_call, _option, { option, values, allowed, code = 'ERR_GRANARY_BAD_OPTION', run }) => {
      const { cache } = variant.open<string>();
      cache.setMany(
        [
          [A, 'A'],
          ['mem://b', 'B'],
        ],
        { tags: ['red'] },
      );
      cache.get(A);
      const before = snapshot(cache);
      const log = new EventLog(cache);
      for (const [value, shown] of values) {
        const failure = await granaryFailure(() => run(cache, value as never), code);
        expectNamed(failure, option, shown, allowed);
        expect(snapshot(cache)).toEqual(before);
      }
      cache.sync();
      expect(snapshot(cache)).toEqual(before);
      expect(log.take()).toEqual([]);
      expect(await cache.load('mem://new', loader)).toBe('loaded');
      expect(cache.invalidateTag('red')).toBe(2);
    },
  );

  it.each<[string, () => unknown, string]>([
    ['returns NaN', () => Number.NaN, 'NaN'],
    ['returns -1', () => -1, '-1'],
    ['returns Infinity', () => Number.POSITIVE_INFINITY, 'Infinity'],
    ['returns text', () => '5', '"5"'],
    ['returns nothing', () => undefined, 'undefined'],
    ['returns a promise', async () => 5, 'an object'],
  ])(
    'a weigh that %s is named, and nothing is lost [INPUT-OPTIONS, INPUT-METHODS]',
    async (_, weighBadly, shown) => {
      let bad = false;
      const weigh = (): number => (bad ? (weighBadly() as number) : 1);
      const { cache } = variant.open<string>({ weigh });
      cache.set(A, 'A');
      cache.set('mem://b', 'B');
      const before = snapshot(cache);
      bad = true;
      for (const attempt of [
        () => cache.set(A, 'new'),
        () =>
          cache.setMany([
            ['mem://new', 'v'],
            [A, 'new'],
          ]),
      ]) {
        const failure = await granaryFailure(attempt, 'ERR_GRANARY_BAD_OPTION');
        expectNamed(failure, 'weigh', shown, /bytes from 0 to \d+/);
        expect(snapshot(cache)).toEqual(before);
      }
      cache.set(A, 'given', { weightBytes: 2 });
      expect([cache.get(A), cache.weightBytes]).toEqual(['given', 3]);
    },
  );

  it('a weigh that throws is named, with its error as cause, and nothing is lost [INPUT-OPTIONS, INPUT-METHODS]', async () => {
    const cause = new Error('no scales');
    let bad = false;
    const weigh = (): number => {
      if (bad) throw cause;
      return 1;
    };
    const { cache } = variant.open<string>({ weigh });
    cache.set(A, 'A');
    const before = snapshot(cache);
    bad = true;
    for (const attempt of [() => cache.set(A, 'new'), () => cache.setMany([['mem://new', 'v']])]) {
      const failure = await granaryFailure(attempt, 'ERR_GRANARY_BAD_OPTION');
      expect(failure.message).toContain('weigh');
      expect(failure.message).toContain('no scales');
      expect(failure.cause).toBe(cause);
      expect(snapshot(cache)).toEqual(before);
    }
  });

  it.each<[string, () => unknown, string]>([
    ['returns NaN', () => Number.NaN, 'NaN'],
    ['returns Infinity', () => Number.POSITIVE_INFINITY, 'Infinity'],
    ['returns text', () => '5', '"5"'],
    ['returns a bigint', () => 5n, '5n'],
    [
      'throws',
      () => {
        throw new Error('no time');
      },
      'no time',
    ],
  ])(
    'a clock that %s is named, and nothing is lost [INPUT-OPTIONS, INPUT-METHODS]',
    async (_, tellBadly, shown) => {
      class BreakableClock extends ManualClock {
        broken = false;
        override now(): number {
          return this.broken ? (tellBadly() as number) : super.now();
        }
      }
      const clock = new BreakableClock();
      const { cache } = variant.open<string>({ clock });
      cache.setMany(
        [
          [A, 'A'],
          ['mem://b', 'B'],
        ],
        { tags: ['red'] },
      );
      const before = snapshot(cache);
      const uses: (() => unknown)[] = [
        () => cache.get(A),
        () => cache.peek(A),
        () => cache.has(A),
        () => cache.info(A),
        () => cache.set(A, 'new'),
        () => cache.set('mem://new', 'new'),
        () => cache.set(A, 'new', { weightBytes: 2 ** 50 }),
        () => cache.load(A, loader),
        () => cache.invalidate(A),
        () => cache.invalidatePattern('mem:*'),
        () => cache.invalidatePattern(/mem/),
        () => cache.invalidateTag('red'),
        () => cache.clear(),
        () => cache.cleanupExpired(),
        () => cache.sync(),
        () => cache.resize({ maxEntries: 1 }),
        () => [...cache],
      ];
      for (const use of uses) {
        clock.broken = true;
        const failure = await granaryFailure(use, 'ERR_GRANARY_BAD_OPTION');
        expect(failure.message).toContain('clock.now()');
        expect(failure.message).toContain(shown);
        clock.broken = false;
        expect([use.toString(), snapshot(cache)]).toEqual([use.toString(), before]);
      }
      const failure = await granaryFailure(
        () =>
          new ResourceCache({ policy: variant.policy, clock: { now: tellBadly as () => number } }),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(failure.message).toContain('clock.now()');
    },
  );

  it('__proto__ and its like work as URI, tag, value and pattern [INPUT-PROTO]', async () => {
    const { cache } = variant.open<string>();
    const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'then'];
    for (const name of names) {
      expect([name, cache.get(name), cache.has(name)]).toEqual([name, undefined, false]);
      expect(cache.invalidateTag(name)).toBe(0);
      expect(cache.invalidatePattern(name)).toBe(0);
      cache.set(name, `value of ${name}`, { tags: [name] });
      expect(await cache.load(name)).toBe(`value of ${name}`);
      expect(cache.info(name)?.tags).toEqual([name]);
    }
    expect([...cache.getMany(names).keys()]).toEqual(names);
    for (const [at, name] of names.entries()) {
      const gone = at % 2 === 0 ? cache.invalidateTag(name) : cache.invalidatePattern(`${name}*`);
      expect([name, gone]).toEqual([name, 1]);
      expect(await cache.load(name, () => 'loaded')).toBe('loaded');
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('a URI of 1 MB works; an empty one is refused by name [INPUT-HUGE-URI]', async () => {
    const { cache } = variant.open<string>();
    const huge = `mem://${'a/'.repeat(524_288)}`;
    const other = `${huge}b`;
    const started = performance.now();
    cache.set(huge, 'huge', { tags: [huge] });
    expect([cache.get(huge), cache.get(other)]).toEqual(['huge', undefined]);
    expect(await cache.load(other, (uri) => String(uri.length))).toBe(String(other.length));
    expect(cache.invalidatePattern(`${huge}*`)).toBe(2);
    cache.set(huge, 'huge');
    expect(cache.invalidatePattern('mem://{x*}')).toBe(1);
    const failure = await granaryFailure(() => cache.load(huge), 'ERR_GRANARY_NO_LOADER');
    expect(failure.message).toContain('mem://a/a/');
    await granaryFailure(() => cache.get(''), 'ERR_GRANARY_BAD_URI');
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(cache.size).toBe(0);
  });
});
