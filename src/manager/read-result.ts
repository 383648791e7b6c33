import { hash } from 'node:crypto';

import { checkValidator, type Validator } from '../cache/validator.ts';
import { GranaryError } from '../errors.ts';

/** One part of a resource: text, or bytes in base64. */
export interface ResourceContents {
  readonly uri: string;
  readonly mimeType?: string;
  readonly text?: string;
  readonly blob?: string;
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** What a read gives back: the result of MCP's `resources/read`, ready to be sent. */
export interface ReadResult {
  readonly contents: readonly ResourceContents[];
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/**
 * Takes `etag` and `lastModified` out of a `{ contents }`: they are for the next load, not for clients.
 *
 * @throws `ERR_GRANARY_BAD_OPTION` for what is no validator
 */
export function splitValidator(loaded: unknown): {
  readonly value: unknown;
  readonly validator: Validator | undefined;
} {
  if (!hasContents(loaded)) return { value: loaded, validator: undefined };
  const { etag, lastModified, ...value } = loaded as { contents: readonly unknown[] } & Validator;
  if (etag === undefined && lastModified === undefined) {
    return { value: loaded, validator: undefined };
  }
  return { value, validator: checkValidator('the validator of a loader', { etag, lastModified }) };
}

/**
 * Turns what a loader returned into what a read gives back, once a load: a hit converts nothing.
 *
 * A string becomes text, a `Uint8Array` a base64 blob, `{ contents }` goes out as it is, and
 * anything else as JSON text. What is made here is frozen, since every reader gets the same object.
 *
 * @throws `ERR_GRANARY_LOAD_FAILED` for `undefined`, for what JSON cannot express, and for
 *   `contents` that no client would accept.
 */
export function toReadResult(
  value: unknown,
  uri: string,
  mimeType: string | undefined,
): ReadResult {
  if (typeof value === 'string') return single(uri, mimeType, { text: value });
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return single(uri, mimeType, { blob: bytes.toString('base64') });
  }
  if (hasContents(value)) {
    const { contents, ...rest } = value;
    // What could not be sent would leave its reader without an answer.
    toJson({ ...rest, contents: contents.map((part, at) => withoutBody(part, at, uri)) }, uri);
    return value as unknown as ReadResult;
  }
  return single(uri, mimeType ?? 'application/json', { text: toJson(value, uri) });
}

function single(
  uri: string,
  mimeType: string | undefined,
  body: { text: string } | { blob: string },
): ReadResult {
  const part = mimeType === undefined ? { uri, ...body } : { uri, mimeType, ...body };
  return Object.freeze({ contents: Object.freeze([Object.freeze(part)]) });
}

function hasContents(value: unknown): value is { contents: readonly unknown[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'contents' in value &&
    Array.isArray(value.contents)
  );
}

/** All of a part but its body: that is a string, which JSON expresses, and may be long. */
function withoutBody(part: unknown, index: number, uri: string): Readonly<Record<string, unknown>> {
  const { text, blob, ...rest } = (part ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof rest['uri'] === 'string') {
    if (typeof text === 'string') return { ...rest, blob: typeof blob === 'string' ? '' : blob };
    if (typeof blob === 'string') return { ...rest, text };
  }
  throw failed(uri, `returned contents[${index}] without a string uri and a string text or blob`);
}

function toJson(value: unknown, uri: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw failed(uri, 'returned a value that JSON cannot express', cause);
  }
  if (text !== undefined) return text;
  throw failed(
    uri,
    value === undefined
      ? 'returned undefined; return null for an empty resource, throw for a missing one'
      : `returned a ${typeof value}, which JSON cannot express`,
  );
}

function failed(uri: string, what: string, cause?: unknown): GranaryError {
  return new GranaryError('ERR_GRANARY_LOAD_FAILED', `the loader of ${uri} ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    data: { uri },
  });
}

/** What two contents share when, and only when, a client is sent the same. */
export function fingerprintOf(content: ReadResult): string {
  return hash('sha256', JSON.stringify(content), 'base64url');
}
