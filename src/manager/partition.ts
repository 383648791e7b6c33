import { hash } from 'node:crypto';

import type { Partition } from '../cache/partition-key.ts';
import { badOption } from '../options.ts';

/** On whose behalf a resource is read. */
export interface Reader {
  /** Who reads: an id that the server has verified, never one that a client merely claims. */
  readonly principal?: string | undefined;
  /** The connection or session of the reader; used where there is no principal. */
  readonly session?: string | undefined;
}

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
