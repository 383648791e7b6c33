/**
 * The part of the cache that a reader shares: `public`, or a hash that one principal or session has
 * to itself.
 */
export type Partition = string;

/** The partition that every reader shares. */
export const PUBLIC_PARTITION: Partition = 'public';

/**
 * Stands between URI and partition in a key. RFC 3986 allows no control character in a URI, so no
 * URI reaches into another's partitions, and a prefix of a URI is a prefix of all its keys.
 */
export const PARTITION_SEPARATOR = '\u0000';

/** @returns the key of a URI within a partition; public entries stand under the URI itself. */
export function partitionKey(uri: string, partition: Partition): string {
  return partition === PUBLIC_PARTITION ? uri : uri + PARTITION_SEPARATOR + partition;
}

/** @returns the URI and the partition that a key was made of. */
export function splitKey(key: string): { uri: string; partition: Partition } {
  const at = key.indexOf(PARTITION_SEPARATOR);
  return at < 0
    ? { uri: key, partition: PUBLIC_PARTITION }
    : { uri: key.slice(0, at), partition: key.slice(at + 1) };
}
