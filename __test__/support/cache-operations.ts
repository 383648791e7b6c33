import * as fc from 'fast-check';
import type { ResourceCache } from '../../src/cache/resource-cache.ts';

/** One call of a cache, or a step of its clock, as plain data that fast-check can shrink. */
export type CacheOperation =
  | { kind: 'get' | 'peek' | 'has' | 'info' | 'invalidate'; uri: string }
  | { kind: 'set' | 'load'; uri: string; options: StoreOptions }
  | { kind: 'invalidatePattern'; pattern: number }
  | { kind: 'invalidateTag'; tag: string }
  | { kind: 'clear' | 'cleanupExpired' | 'sync' | 'entries' }
  | { kind: 'resize'; maxEntries?: number; maxBytes?: number }
  | { kind: 'advance'; ms: number };

export interface StoreOptions {
  readonly weightBytes: number;
  readonly ttlMs?: number;
  readonly idleTtlMs?: number;
  readonly tags?: readonly string[];
}

/** Patterns over the URIs that `cacheOperations` makes, each with what it means in plain code. */
export const patterns: readonly {
  readonly pattern: string | RegExp;
  readonly matches: (uri: string) => boolean;
}[] = [
  { pattern: 'a*', matches: (uri) => uri.startsWith('a') },
  { pattern: 'b://1*', matches: (uri) => uri.startsWith('b://1') },
  { pattern: 'b://{n}', matches: (uri) => uri.startsWith('b://') },
  { pattern: '{scheme}://3', matches: (uri) => uri.endsWith('//3') },
  { pattern: 'a://2', matches: (uri) => uri === 'a://2' },
  { pattern: 'none*', matches: () => false },
  { pattern: /b/g, matches: (uri) => uri.startsWith('b') },
  { pattern: /:/, matches: () => false },
  { pattern: /.*[02468]$/y, matches: (uri) => /[02468]$/.test(uri) },
];

export interface OperationRanges {
  /** Different URIs. */
  readonly uris: number;
  /** Heaviest weight, in bytes. */
  readonly weight: number;
  readonly entries: { readonly min: number; readonly max: number };
  readonly bytes: { readonly min: number; readonly max: number };
  /** Calls of one run. */
  readonly length: number;
}

/** Sequences of calls; sets, gets and loads are the most frequent. */
export function cacheOperations(ranges: OperationRanges): fc.Arbitrary<CacheOperation[]> {
  const uri = fc
    .nat(ranges.uris - 1)
    .map((number) => `${number % 2 === 0 ? 'a' : 'b'}://${number >> 1}`);
  const duration = fc.constantFrom(0, 1, 5, 40, 5_000, 3_000_000_000);
  const options = fc.record(
    {
      weightBytes: fc.nat(ranges.weight),
      ttlMs: duration,
      idleTtlMs: duration,
      tags: fc.uniqueArray(fc.constantFrom('red', 'blue', '__proto__'), { maxLength: 2 }),
    },
    { requiredKeys: ['weightBytes'] },
  );
  const bounds = fc.record(
    { maxEntries: fc.integer(ranges.entries), maxBytes: fc.integer(ranges.bytes) },
    { requiredKeys: [] },
  );
  const pick = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  const operation = fc.oneof(
    pick(30, fc.record({ kind: fc.constant('set' as const), uri, options })),
    pick(20, fc.record({ kind: fc.constant('get' as const), uri })),
    pick(10, fc.record({ kind: fc.constant('load' as const), uri, options })),
    pick(10, fc.record({ kind: fc.constantFrom('peek', 'has', 'info', 'invalidate'), uri })),
    pick(
      12,
      fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(0, 1, 2, 7, 64, 4_096),
      }),
    ),
    pick(
      1,
      fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(0.25, 4_000_000, 40_000_000_000),
      }),
    ),
    pick(
      2,
      fc.record({
        kind: fc.constant('invalidatePattern' as const),
        pattern: fc.nat(patterns.length - 1),
      }),
    ),
    pick(
      2,
      fc.record({
        kind: fc.constant('invalidateTag' as const),
        tag: fc.constantFrom('red', 'blue', '__proto__'),
      }),
    ),
    pick(4, fc.record({ kind: fc.constantFrom('cleanupExpired', 'sync', 'entries') })),
    pick(1, fc.record({ kind: fc.constant('clear' as const) })),
    pick(
      1,
      bounds.map((changed) => ({ kind: 'resize' as const, ...changed })),
    ),
  );
  return fc.array(operation, { maxLength: ranges.length, size: 'max' });
}

/** @returns what the call returns, or a promise of it. */
export function callCache(
  cache: ResourceCache<string>,
  operation: CacheOperation,
  value: string,
  loader: () => string = () => value,
): unknown {
  switch (operation.kind) {
    case 'get':
    case 'peek':
    case 'has':
    case 'info':
    case 'invalidate':
      return cache[operation.kind](operation.uri);
    case 'set':
      return cache.set(operation.uri, value, operation.options);
    case 'load':
      return cache.load(operation.uri, loader, operation.options);
    case 'invalidatePattern':
      return cache.invalidatePattern(patterns[operation.pattern]!.pattern);
    case 'invalidateTag':
      return cache.invalidateTag(operation.tag);
    case 'clear':
    case 'cleanupExpired':
    case 'sync':
      return cache[operation.kind]();
    case 'entries':
      return [...cache];
    case 'resize':
      return cache.resize(boundsOf(operation));
    case 'advance':
      return undefined;
  }
}

/** Bounds as `resize` takes them: what is left out stays. */
export function boundsOf({ maxEntries, maxBytes }: { maxEntries?: number; maxBytes?: number }) {
  return {
    ...(maxEntries === undefined ? {} : { maxEntries }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}
