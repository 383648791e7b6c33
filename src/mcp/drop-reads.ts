import { dropMatching, type ResourceCache } from '../cache/resource-cache.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import { inAnySpelling } from './canonical-uri.ts';

/** How the keys and tags of a cache of answers tell what was read. */
export interface ReadKeys {
  /** With which keys of reads begin, at least. */
  readonly prefix: string;
  /** With which tags begin that go on with the folded URI of a read, or of a part of its contents. */
  readonly tagPrefix: string;
  /** @returns the URI of a key, if it is that of a read */
  readonly uriOf: (key: string) => string | undefined;
}

/**
 * Drops every read of a URI that matches, however spelled, and every one whose contents include one.
 * Looks at each key.
 */
export function dropReads<V>(
  cache: ResourceCache<V>,
  { prefix, tagPrefix, uriOf }: ReadKeys,
  pattern: UriPattern,
): void {
  const isMeant = inAnySpelling(pattern);
  const isRead = (key: string): boolean => {
    const uri = uriOf(key);
    return uri !== undefined && isMeant(uri);
  };
  const tags = new Set<string>();
  for (const key of cache.keys()) {
    if (!key.startsWith(prefix) || isRead(key)) continue;
    for (const tag of cache.info(key)?.tags ?? []) if (tag.startsWith(tagPrefix)) tags.add(tag);
  }
  // Loads under way are found by the key alone.
  dropMatching(cache, { kind: 'template', prefix, matches: isRead });
  for (const tag of tags) if (isMeant(tag.slice(tagPrefix.length))) cache.invalidateTag(tag);
}
