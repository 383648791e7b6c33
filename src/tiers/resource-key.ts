import { PUBLIC_PARTITION, partitionKey, splitKey } from '../cache/partition-key.ts';

const PUBLIC = 'resource:';
const PRIVATE = 'private:';

/**
 * The name of an entry in a second level: `resource:{uri}`, and `private:{partition}:resource:{uri}` for
 * one that a principal or session has to itself.
 *
 * @param key of the first level
 */
export function resourceKey(key: string): string {
  const { uri, partition } = splitKey(key);
  if (partition === PUBLIC_PARTITION) return PUBLIC + uri;
  // Escaped, so that no partition reaches into what comes after it.
  return `${PRIVATE}${encodeURIComponent(partition)}:${PUBLIC}${uri}`;
}

/** @returns the URI that a name of the second level is about; `undefined` for any other text */
export function uriOfResourceKey(name: string): string | undefined {
  return split(name)?.uri;
}

/** @returns the key of the first level; `undefined` for a text that is not the name of an entry */
export function firstLevelKey(name: string): string | undefined {
  const parts = split(name);
  return parts && partitionKey(parts.uri, parts.partition);
}

function split(name: string): { uri: string; partition: string } | undefined {
  if (name.startsWith(PUBLIC)) {
    return { uri: name.slice(PUBLIC.length), partition: PUBLIC_PARTITION };
  }
  if (!name.startsWith(PRIVATE)) return undefined;
  const end = name.indexOf(':', PRIVATE.length);
  if (end === -1 || !name.startsWith(PUBLIC, end + 1)) return undefined;
  try {
    const partition = decodeURIComponent(name.slice(PRIVATE.length, end));
    return { uri: name.slice(end + 1 + PUBLIC.length), partition };
  } catch {
    return undefined; // somebody else's key
  }
}
