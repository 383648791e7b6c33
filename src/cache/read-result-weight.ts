import { Buffer } from 'node:buffer';
import { types } from 'node:util';

import { viewStorage } from './buffer-weight.ts';
import { HeapEstimate } from './heap-estimate.ts';
import { isPlainObject } from './heap-object.ts';
import { ownValue } from './own-property.ts';

/** A result with more contents than this is estimated like any other value, so that time is bounded. */
export const MAX_EXACT_CONTENTS = 1_024;

const { keys: ownNames } = Object;

/**
 * Weighs the result of an MCP `resources/read`: `{ contents: [{ uri, mimeType?, text | blob }] }`.
 *
 * The weight is the UTF-8 bytes of every `text` and the length of every `blob` (base64, as it is
 * held and sent; bytes, where it is a Uint8Array), a content that appears twice being counted once.
 * `uri`, `mimeType` and the objects around them add nothing; whatever else is there (`_meta`,
 * `annotations`, …) adds its estimate.
 *
 * @returns bytes, or undefined where `value` is not such a result
 */
export function readResultBytes(value: object): number | undefined {
  if (!isPlainObject(value)) return undefined;
  const contents = ownValue(value, 'contents');
  // Asked first, since Array.isArray throws for a proxy that was revoked.
  if (types.isProxy(contents) || !Array.isArray(contents)) return undefined;
  if (contents.length > MAX_EXACT_CONTENTS) return undefined;

  const seen = contents.length > 1 ? new Set<unknown>() : undefined;
  const rest: unknown[] = [];
  let bytes = 0;
  for (let i = 0; i < contents.length; i++) {
    const content = ownValue(contents, i);
    if (seen?.has(content)) continue;
    seen?.add(content);
    const payload = contentBytes(content, rest);
    if (payload === undefined) return undefined;
    bytes += payload;
  }
  for (const name of ownNames(value)) {
    if (name !== 'contents') rest.push(ownValue(value, name));
  }
  return rest.length === 0 ? bytes : bytes + new HeapEstimate().of(rest);
}

/** Bytes of one content's payload; what is neither payload nor small goes to `rest`. */
function contentBytes(content: unknown, rest: unknown[]): number | undefined {
  if (typeof content !== 'object' || content === null) return undefined;
  if (types.isProxy(content) || !isPlainObject(content)) return undefined;
  let bytes: number | undefined;
  let named = false;
  for (const name of ownNames(content)) {
    const field = ownValue(content, name);
    if (name === 'uri' && typeof field === 'string') named = true;
    else if (name === 'text' && typeof field === 'string')
      bytes = (bytes ?? 0) + Buffer.byteLength(field);
    else if (name === 'blob' && typeof field === 'string') bytes = (bytes ?? 0) + field.length;
    else if (name === 'blob' && ArrayBuffer.isView(field)) {
      bytes = (bytes ?? 0) + viewStorage(field).bytes;
    } else if (name !== 'mimeType' || typeof field !== 'string') rest.push(field);
  }
  return named ? bytes : undefined;
}
