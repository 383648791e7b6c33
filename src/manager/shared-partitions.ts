import { PARTITION_SEPARATOR, splitKey } from '../cache/partition-key.ts';
import { dropMatching, type ResourceCache } from '../cache/resource-cache.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import type { ReadResult } from './read-result.ts';

/**
 * Drops every partition of one URI from a cache that other threads fill too, loads under way in any
 * of them included: the cache is asked, since no index here knows all keys.
 *
 * @returns how many entries
 */
export function dropUri(cache: ResourceCache<ReadResult>, uri: string): number {
  const prefix = uri + PARTITION_SEPARATOR;
  const matches = (key: string): boolean => key.startsWith(prefix);
  const shared = cache.invalidate(uri) ? 1 : 0;
  return shared + dropMatching(cache, { kind: 'prefix', prefix, matches });
}

/** As `dropUri`, of every URI that matches. Looks at the keys with the pattern's prefix. */
export function dropUris(cache: ResourceCache<ReadResult>, pattern: UriPattern): number {
  const { kind, prefix } = pattern;
  // No URI has the separator: a pattern that does must not reach into keys with it.
  const isPlain = !prefix.includes(PARTITION_SEPARATOR);
  if (kind === 'exact' && isPlain) return dropUri(cache, prefix);
  return dropMatching(cache, {
    kind: kind === 'prefix' && isPlain ? 'prefix' : 'template',
    prefix,
    matches: (key) => pattern.matches(splitKey(key).uri),
  });
}
