import { isUtf8 } from 'node:buffer';
import path from 'node:path';

import type { ReadResult } from '../manager/read-result.ts';
import { isBinaryType, mediaTypeOf } from './media-type.ts';

/**
 * What a read of a file gives back: text where the bytes are text and the type does not say
 * otherwise, else the bytes in base64. Frozen, since every reader gets the same object.
 */
export function toContents(uri: string, file: string, bytes: Buffer): ReadResult {
  const known = mediaTypeOf(path.basename(file));
  const isBlob = (known !== undefined && isBinaryType(known)) || !isText(bytes);
  const mimeType = known ?? (isBlob ? 'application/octet-stream' : 'text/plain');
  const content = isBlob ? { blob: bytes.toString('base64') } : { text: bytes.toString('utf8') };
  return Object.freeze({ contents: Object.freeze([Object.freeze({ uri, mimeType, ...content })]) });
}

/** A NUL is valid UTF-8 and never part of a text. */
function isText(bytes: Buffer): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}
