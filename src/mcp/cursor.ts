import { INVALID_PARAMS, JsonRpcError } from './json-rpc-error.ts';

/** What a cursor pages through; one of another list is invalid. */
export type CursorKind = 'resources' | 'templates';

/** One page of a list, and the cursor of the next where there is one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | undefined;
}

/**
 * Cuts a page out of a list that is sorted by key.
 *
 * A cursor names the last key that was given out, not a number: what is registered or removed
 * between two pages neither repeats nor hides any other item.
 *
 * @param items sorted by key, in order of UTF-16 code units, each key once
 * @throws JSON-RPC -32602 for a cursor that no page of this kind has given out
 */
export function pageOf<T>(
  kind: CursorKind,
  items: readonly T[],
  keyOf: (item: T) => string,
  cursor: string | undefined,
  pageSize: number,
): Page<T> {
  const start = cursor === undefined ? 0 : firstAfter(items, keyOf, decodeCursor(kind, cursor));
  const page = items.slice(start, start + pageSize);
  const last = page.at(-1);
  const isComplete = last === undefined || start + page.length >= items.length;
  return { items: page, nextCursor: isComplete ? undefined : encodeCursor(kind, keyOf(last)) };
}

function encodeCursor(kind: CursorKind, after: string): string {
  return Buffer.from(JSON.stringify([kind, after])).toString('base64url');
}

function decodeCursor(kind: CursorKind, cursor: string): string {
  try {
    const [, after] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    // Decoding is lenient; only what encodes to the very same cursor is one of ours.
    if (typeof after === 'string' && encodeCursor(kind, after) === cursor) {
      return after;
    }
  } catch {
    // Falls through: not JSON, or not an array.
  }
  throw new JsonRpcError(INVALID_PARAMS, 'Invalid cursor');
}

function firstAfter<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(items[middle]!) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
