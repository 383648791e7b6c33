import { Buffer } from 'node:buffer';

import type { Result } from '@modelcontextprotocol/sdk/types.js';

/** Below so many bytes parsing costs less than what saves it. */
const SMALL_BYTES = 2_048;

/**
 * Until their memory is wanted back: what is kept is bytes, and they alone are weighed. A copy shares
 * the strings of what was parsed, which are most of a large answer, and nobody can change them.
 */
const parsed = new WeakMap<Buffer, WeakRef<Result>>();

/**
 * @param kept bytes; text where another version of this package has kept it, in a dump
 * @returns what whoever is given it may change
 */
export function resultIn(kept: unknown): Result {
  if (!Buffer.isBuffer(kept)) return JSON.parse(kept as string) as Result;
  if (kept.length < SMALL_BYTES) return JSON.parse(kept.toString()) as Result;
  const known = parsed.get(kept)?.deref();
  if (known !== undefined) return copyOf(known);
  const result = JSON.parse(kept.toString()) as Result;
  try {
    const copy = copyOf(result);
    parsed.set(kept, new WeakRef(result));
    return copy;
  } catch {
    return result; // nested deeper than the stack
  }
}

/** @throws `RangeError` for what is nested deeper than the stack */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  // A spread keeps a member named `__proto__` a member.
  const copy = { ...value };
  for (const key of Object.keys(copy) as (keyof T)[]) copy[key] = copyOf(copy[key]);
  return copy;
}
