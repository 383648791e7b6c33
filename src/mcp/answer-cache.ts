import { Buffer } from 'node:buffer';

import type { Result } from '@modelcontextprotocol/sdk/types.js';

import { PARTITION_SEPARATOR, PUBLIC_PARTITION, type Partition } from '../cache/partition-key.ts';
import { remainingMs, ResourceCache } from '../cache/resource-cache.ts';
import { GranaryError, isClosedError } from '../errors.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import { AnswerChanges } from './answer-changes.ts';
import { keptAnswer, UnsharedAnswer, type Answer, type AnswerError } from './answer.ts';
import { isHinted, ttlHint } from './cache-hints.ts';
import { foldedUri } from './canonical-uri.ts';
import { dropReads, type ReadKeys } from './drop-reads.ts';
import type { HandlerCall } from './handler-calls.ts';
import type { MethodGroup } from './method-group.ts';
import { resultIn } from './parsed-answer.ts';
import { groupOfMethod, itemsOf, type Question } from './question.ts';
import type { ReadyAnswer } from './ready-answer.ts';

/**
 * Begins every key and tag. No key of a `ResourceManager` looks like it: those begin with a URI, and
 * hold what follows this name nowhere but before a partition.
 */
const NAMESPACE = 'mcp-granary:answer';

const URI_TAG = `${NAMESPACE} uri `;
const READS = NAMESPACE + PARTITION_SEPARATOR;
const READ_KEYS: ReadKeys = { prefix: READS, tagPrefix: URI_TAG, uriOf: readUriOf };

/** Who is answered, and until when the answer is of use. */
export interface Asking {
  readonly partition: Partition;
  /** The connection with which the partition ends. */
  readonly connection: string | undefined;
  /** How long an answer is kept, in ms, where not as others are. */
  readonly ttlMs?: number | undefined;
  /** Whether not everybody may have what is in the public partition, so that nothing is told to be public. */
  readonly isGuarded?: boolean | undefined;
  /** Fires when the request is withdrawn. */
  readonly signal: AbortSignal;
  /** Has the server's handler answer. */
  readonly ask: (signal: AbortSignal) => HandlerCall;
  /** Is told of an error of the cache that the answer outlived. */
  readonly failed: (error: unknown) => void;
}

/**
 * Answers by (partition, question).
 *
 * What drops them is tags, which the cache itself holds: whichever server or thread drops a tag drops
 * it for all that share the cache, loads under way included, and no server need know of another.
 */
export class AnswerCache {
  readonly cache: ResourceCache;
  readonly changes: AnswerChanges;
  readonly #isOwn: boolean;
  readonly #ttlMs: number | undefined;
  /** Questions that are being answered. */
  #pending = 0;
  #isClosing = false;

  constructor(cache: ResourceCache | undefined, ttlMs: number | undefined) {
    this.cache = cache ?? new ResourceCache();
    this.changes = AnswerChanges.of(this.cache);
    this.#isOwn = cache === undefined;
    this.#ttlMs = ttlMs;
  }

  /**
   * The answer kept, else that of the handler: one call of it however many ask. Each gets a copy.
   *
   * @throws (rejects with) whatever, once the request is withdrawn
   */
  async answer(question: Question, asking: Asking): Promise<Answer> {
    this.#pending++;
    try {
      return await this.#answer(question, asking);
    } finally {
      this.#pending--;
      this.#closeIfDone();
    }
  }

  /**
   * What is kept, without a copy; a hit counts as one of `answer`, and a miss not at all, as `answer`
   * is what follows it. What is dropped from then on is not to be sent.
   */
  ready(question: Question, partition: Partition): ReadyAnswer | undefined {
    const key = keyOf(question, partition);
    const kept = this.#kept(key);
    if (!Buffer.isBuffer(kept)) return undefined;
    if (!hasHints(question)) return { result: kept };
    return { result: kept, hints: `"ttlMs":${ttlHint(remainingMs(this.cache, key))}` };
  }

  #kept(key: string): unknown {
    try {
      return this.cache.has(key) ? this.cache.get(key) : undefined;
    } catch {
      return undefined; // `answer` tells what is wrong with the cache
    }
  }

  async #answer(question: Question, asking: Asking): Promise<Answer> {
    let isSecond = false;
    for (;;) {
      try {
        return await this.#load(question, asking);
      } catch (error) {
        if (asking.signal.aborted) throw error;
        const cause = causeOf(error);
        // Another connection's handler was to answer, and its client left with it.
        if (cause?.name === 'ConnectionLost') continue;
        const isUnshared = cause?.name === 'UnsharedAnswer';
        if (!isUnshared) asking.failed(error);
        // It has answered for its own asker alone, as the next one may do too.
        if (!isUnshared || isSecond) return asking.ask(asking.signal).answer;
        isSecond = true;
      }
    }
  }

  async #load(question: Question, asking: Asking): Promise<Answer> {
    const { partition, signal, ask, ttlMs = this.#ttlMs } = asking;
    const key = keyOf(question, partition);
    let own: HandlerCall | undefined;
    let isOther = false;
    try {
      const kept = await this.cache.load(
        key,
        async (_, context) => {
          const tags = tagsOf(question, asking.connection);
          // Before the handler is called: what is dropped while it runs is found by its tags.
          context.setTags(tags);
          own = ask(context.signal);
          const answer = keptAnswer(question, await own.sharedAnswer, scopeOf(asking));
          context.setTags([...tags, ...contentTags(question, answer.text)]);
          if (answer.ttlMs !== undefined) context.setTtl(this.#bounded(answer.ttlMs, ttlMs));
          const bytes = bytesOf(answer.text);
          isOther = this.#isOther(key, question, bytes);
          return bytes;
        },
        { signal, ttlMs },
      );
      // Whoever reads on it finds what is kept by now.
      if (isOther) {
        const isPublic = partition === PUBLIC_PARTITION;
        this.changes.tellUri(question.subject ?? '', isPublic ? undefined : partition);
      }
      const result = resultIn(kept);
      return hasHints(question) ? { result, ttlMs: () => this.#ttlHint(key, kept) } : { result };
    } catch (error) {
      if (signal.aborted) throw error;
      const cause = causeOf(error);
      const answer = await own?.answer.catch(() => undefined);
      if (answer !== undefined) {
        if (!(cause instanceof UnsharedAnswer)) asking.failed(error);
        return answer;
      }
      // Of what is public, others may be refused for reasons of their own, and told whose.
      const isPrivate = partition !== PUBLIC_PARTITION;
      if (isPrivate && cause instanceof UnsharedAnswer && cause.error !== undefined) {
        return { error: JSON.parse(cause.error) as AnswerError };
      }
      throw error;
    }
  }

  /** Whether a read has brought other content than the one before, which nobody was told of. */
  #isOther(key: string, { method, subject }: Question, content: Uint8Array): boolean {
    return (
      method === 'resources/read' &&
      subject !== undefined &&
      this.changes.noteRead(key, subject, content)
    );
  }

  /** Drops every read of a URI, however spelled, and every one whose contents include it. */
  dropUri(uri: string): void {
    this.changes.noteTold(uri);
    this.#dropTag(uriTag(uri));
  }

  /** Drops every read of a URI that matches, however spelled, and every one whose contents include one. */
  dropUris(pattern: UriPattern): void {
    if (pattern.kind === 'exact') this.changes.noteTold(pattern.prefix);
    this.#whileOpen(() => dropReads(this.cache, READ_KEYS, pattern));
  }

  /** Drops what whoever shares the cache has tagged so. */
  dropTagged(tag: string): void {
    this.#dropTag(tag);
  }

  /** Drops a group's lists, and for resources their reads: what has left the list is read no more. */
  dropGroup(group: MethodGroup): void {
    this.#dropTag(groupTag(group));
  }

  /** Drops what only a connection that has closed could ask for. */
  dropConnection(connection: string): void {
    this.#dropTag(connectionTag(connection));
  }

  /** A cache from outside stays open; one of its own goes when those who wait have their answer. */
  close(): void {
    this.#isClosing = this.#isOwn;
    if (this.#isClosing) this.cache.clear();
    this.#closeIfDone();
  }

  /** What remains of what was kept as these bytes; 0 where it was dropped, or something else is kept. */
  #ttlHint(key: string, kept: unknown): number {
    const left = remainingMs(this.cache, key);
    return left !== undefined && isSame(this.cache.peek(key), kept) ? ttlHint(left) : 0;
  }

  /** @returns the shorter of what a server grants and what is kept here; 0 here = until it is dropped */
  #bounded(grantedMs: number, ttlMs = this.cache.stats().ttlSeconds * 1_000): number {
    return ttlMs === 0 ? grantedMs : Math.min(grantedMs, ttlMs);
  }

  #closeIfDone(): void {
    if (this.#isClosing && this.#pending === 0) this.cache.close();
  }

  #dropTag(tag: string): void {
    this.#whileOpen(() => this.cache.invalidateTag(tag));
  }

  #whileOpen(drop: () => unknown): void {
    try {
      drop();
    } catch (error) {
      // A closed cache holds nothing. Its server must be able to notify all the same.
      if (!isClosedError(error)) throw error;
    }
  }
}

/** UTF-8, which is what goes out: encoded once. In memory of its own, none of a slab that others share. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** Whether both are what one load has brought; native storage hands out copies. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || (Buffer.isBuffer(one) && Buffer.isBuffer(other) && one.equals(other));
}

function causeOf(error: unknown): Error | undefined {
  const cause = error instanceof GranaryError ? error.cause : undefined;
  return cause instanceof Error ? cause : undefined;
}

/** Whether an answer to a question tells for how long it is fresh. */
function hasHints({ method, revision }: Question): boolean {
  return revision !== undefined && isHinted(method);
}

function scopeOf({ partition, isGuarded }: Asking): boolean | undefined {
  if (isGuarded) return false;
  return partition === PUBLIC_PARTITION ? true : undefined;
}

/** What a client chose comes last, so that it can reach into no other partition. */
function keyOf({ method, subject, revision }: Question, partition: Partition): string {
  const spoken = revision === undefined ? method : `${revision} ${method}`;
  const asked = subject === undefined ? spoken : `${spoken} ${subject}`;
  return `${NAMESPACE}${PARTITION_SEPARATOR}${partition}${PARTITION_SEPARATOR}${asked}`;
}

/** @returns the URI of a key of a read */
function readUriOf(key: string): string | undefined {
  const asked = key.slice(key.indexOf(PARTITION_SEPARATOR, READS.length) + 1);
  const [, uri] = /^(?:\S+ )?resources\/read (.*)$/s.exec(asked) ?? [];
  return uri;
}

function tagsOf({ method, subject }: Question, connection: string | undefined): string[] {
  const group = groupOfMethod(method);
  return [
    ...(group === undefined ? [] : [groupTag(group)]),
    ...(method === 'resources/read' && subject !== undefined ? [uriTag(subject)] : []),
    ...(connection === undefined ? [] : [connectionTag(connection)]),
  ];
}

/** A read may bring parts under URIs of their own, such as the files of a folder. */
function contentTags(question: Question, text: string): string[] {
  if (question.method !== 'resources/read') return [];
  const result = JSON.parse(text) as Result;
  const parts = (itemsOf(question, result) ?? []) as readonly ({ uri?: unknown } | null)[];
  return parts.flatMap((part) => (typeof part?.uri === 'string' ? [uriTag(part.uri)] : []));
}

function uriTag(uri: string): string {
  return URI_TAG + foldedUri(uri);
}

function groupTag(group: MethodGroup): string {
  return `${NAMESPACE} group ${group}`;
}

function connectionTag(connection: string): string {
  return `${NAMESPACE} connection ${connection}`;
}
