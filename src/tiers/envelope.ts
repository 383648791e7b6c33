import { Buffer } from 'node:buffer';

import { decodeOwnValue, encodeValue, type EncodedValue, ValueKind } from '../cache/value-codec.ts';
import { parseValidator, validatorText } from '../cache/validator.ts';
import { compressBytes, inflateBytes } from '../native/value-compression.ts';
import type { TierEntry } from './tier.ts';

/**
 * What this version writes, and the only one that it reads. A later one stands under other keys too
 * (`envelopeKey`), so that processes of both do not push each other's entries out.
 */
const ENVELOPE_VERSION: number = 1;

/** How values are laid out as bytes. */
export interface EnvelopeOptions {
  /** Bytes from which on a value is compressed with zstd. */
  readonly compressAboveBytes: number;
  /** Larger values are not kept, nor inflated. */
  readonly maxValueBytes: number;
  /** Whether structured clones are read and written: V8 is not made for hostile ones. */
  readonly trusted: boolean;
}

/** What is told of an entry beside its value. */
export type EnvelopeHead = Omit<TierEntry, 'value'>;

const Flag = { plain: 0, zstd: 1 } as const;
const HEAD_AT = 7;

/**
 * Lays an entry out as bytes.
 *
 * ```text
 * version (1) | flag (1) | kind (1) | length of the head (4) | head, as JSON | value
 * ```
 *
 * The head is a list, of which a reader takes what it knows: an earlier release finds the entry too, and
 * no validator in it, so that this needed no other version.
 *
 * @returns `undefined` for a value that may not be kept: larger than `maxValueBytes`, or one that only
 *   structured clone can express, where that is not trusted, or not even that
 */
export function sealEnvelope(
  head: EnvelopeHead,
  value: unknown,
  options: EnvelopeOptions,
): Buffer | undefined {
  const encoded = encoding(value);
  if (encoded === undefined || encoded.byteLength > options.maxValueBytes) return undefined;
  if (encoded.kind === ValueKind.clone && !options.trusted) return undefined;
  const { createdAtMs, expiresAtMs, tags, validator } = head;
  const known = validator === undefined ? [] : [validatorText(validator)];
  const told = Buffer.from(JSON.stringify([createdAtMs, expiresAtMs ?? 0, tags, ...known]));
  const bytes = typeof encoded.data === 'string' ? Buffer.from(encoded.data) : encoded.data;
  const packed = bytes.byteLength > options.compressAboveBytes ? compressBytes(bytes) : bytes;
  const isSmaller = packed.byteLength < bytes.byteLength;
  const start = Buffer.alloc(HEAD_AT);
  start[0] = ENVELOPE_VERSION;
  start[1] = isSmaller ? Flag.zstd : Flag.plain;
  start[2] = encoded.kind;
  start.writeUInt32LE(told.byteLength, 3);
  return Buffer.concat([start, told, isSmaller ? packed : bytes]);
}

/**
 * Reads an entry, and believes nothing in it.
 *
 * @returns `undefined` for what is no entry of this version, or may not be read
 */
export function openEnvelope(bytes: Buffer, options: EnvelopeOptions): TierEntry | undefined {
  if (bytes.byteLength < HEAD_AT || bytes[0] !== ENVELOPE_VERSION) return undefined;
  const kind = bytes[2] as ValueKind;
  if (kind === ValueKind.clone && !options.trusted) return undefined;
  const valueAt = HEAD_AT + bytes.readUInt32LE(3);
  if (valueAt > bytes.byteLength) return undefined;
  const head = readHead(bytes.toString('utf8', HEAD_AT, valueAt));
  const data = unpack(bytes[1], bytes.subarray(valueAt), options.maxValueBytes);
  if (head === undefined || data === undefined) return undefined;
  const value = decodeOwnValue(kind, data);
  return value === undefined ? undefined : { ...head, value };
}

/** @returns the name under which an envelope of a version stands; the first has no prefix */
export function envelopeKey(name: string): string {
  return ENVELOPE_VERSION === 1 ? name : `v${ENVELOPE_VERSION}:${name}`;
}

function encoding(value: unknown): EncodedValue | undefined {
  try {
    return encodeValue('', value);
  } catch {
    return undefined;
  }
}

function unpack(flag: number | undefined, data: Buffer, maxBytes: number): Uint8Array | undefined {
  if (flag === Flag.zstd) return inflateBytes(data, maxBytes);
  return flag === Flag.plain && data.byteLength <= maxBytes ? data : undefined;
}

function readHead(text: string): EnvelopeHead | undefined {
  try {
    const [createdAtMs, expiresAtMs, tags, known] = JSON.parse(text) as unknown[];
    if (typeof createdAtMs !== 'number' || typeof expiresAtMs !== 'number') return undefined;
    if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string')) return undefined;
    const validator = typeof known === 'string' ? parseValidator(known) : undefined;
    return {
      createdAtMs,
      expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
      tags: tags as string[],
      ...(validator === undefined ? {} : { validator }),
    };
  } catch {
    return undefined;
  }
}
