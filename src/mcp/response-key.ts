import { hash } from 'node:crypto';

import { PARTITION_SEPARATOR } from '../cache/partition-key.ts';
import { badOption } from '../options.ts';

/** Begins every key and tag; no key of a `ResourceManager` or a cached server looks like it. */
const PREFIX = 'mcp-granary:response';

/** Base64 characters of SHA-256 that stand for a namespace or a partition: 132 bits. */
const HASH_LENGTH = 22;

/** Where a response is kept, as the client names it. What is left out is the same as `''`. */
export interface ResponseKey {
  readonly method: string;
  /** The URI of a read; nothing for a list, of which there is one for each partition. */
  readonly params?: string | undefined;
  /** Server and principal. */
  readonly partition?: string | undefined;
}

/**
 * Keys and tags of one namespace in a cache.
 *
 * Namespace and partition are hashed: a partition may be made of a secret. Method and params are
 * quoted and come last, so that nothing that a server or caller chose reaches into another partition.
 */
export class ResponseSpace {
  /** Carried by every response of the namespace. */
  readonly tag: string;

  constructor(namespace: string) {
    this.tag = `${PREFIX}${PARTITION_SEPARATOR}${hashed(namespace)}`;
  }

  /** Costs a hash. @throws `ERR_GRANARY_BAD_OPTION` unless all parts are strings */
  uriOf({ method, params = '', partition = '' }: ResponseKey): string {
    checkString('method', method);
    checkString('params', params);
    checkString('partition', partition);
    const place = `${this.tag}${PARTITION_SEPARATOR}${hashed(partition)}`;
    return `${place}${PARTITION_SEPARATOR}${JSON.stringify([method, params])}`;
  }

  /** Carried by every response to the method, whatever its partition. */
  methodTag(method: string): string {
    checkString('method', method);
    return `${this.tag}${PARTITION_SEPARATOR}${JSON.stringify(method)}`;
  }
}

// As JSON: UTF-8 would take all halves of characters that stand alone for one and the same.
function hashed(text: string): string {
  return hash('sha256', JSON.stringify(text), 'base64url').slice(0, HASH_LENGTH);
}

export function checkString(option: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') badOption(option, value, 'a string');
}
