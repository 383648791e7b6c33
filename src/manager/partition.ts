import { hash } from 'node:crypto';

import { badOption } from '../options.ts';

/** On whose behalf a resource is read. */
export interface Reader {
  /** Who reads: an id that the server has verified, never one that a client merely claims. */
  readonly principal?: string | undefined;
  /** The connection or session of the reader; used where there is no principal. */
  readonly session?: string | undefined;
}

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

/** 128 bits: enough that no two principals ever meet, short enough for every key to carry. */
const HASH_LENGTH = 22;

/**
 * @returns the reader that options name, by what its copy is kept under and nothing else: a loader
 *   that knew the session too could put its content before all sessions of the principal.
 * @throws `ERR_GRANARY_BAD_OPTION` for a principal or session that is not a non-empty string: an
 *   empty one would throw together all whose id got lost.
 */
export function readerOf(options: Reader): Reader {
  const principal = checkIdentity('principal', options.principal);
  const session = checkIdentity('session', options.session);
  return principal === undefined ? { session } : { principal };
}

/**
 * @returns the partition of a reader, `undefined` for one without principal and session: nothing
 *   tells such readers apart, so what they read must not be kept.
 */
export function partitionOf({ principal, session }: Reader): Partition | undefined {
  if (principal !== undefined) return hashed('principal', principal);
  return session === undefined ? undefined : hashed('session', session);
}

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

// The kind is hashed too: a session id never opens the partition of a principal of the same name.
function hashed(kind: 'principal' | 'session', identity: string): Partition {
  return hash('sha256', `${kind}:${identity}`, 'base64url').slice(0, HASH_LENGTH);
}

function checkIdentity(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  // The value may be a secret: the message says only what kind of thing it was.
  if (typeof value !== 'string') badOption(option, typeof value, 'a non-empty string');
  if (value === '') badOption(option, value, 'a non-empty string');
  return value;
}
