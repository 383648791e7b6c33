import { PUBLIC_PARTITION, type Partition } from '../cache/partition-key.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import { weighValue } from '../cache/value-weight.ts';
import { GranaryError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { foldedUri } from '../mcp/canonical-uri.ts';
import { dropReads, type ReadKeys } from '../mcp/drop-reads.ts';
import type { MethodGroup } from '../mcp/method-group.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import { partUris, readUriOf, type CacheableRequest } from './cacheable-request.ts';
import type { CachingRules, Verdict } from './caching-rules.ts';
import { keptAnswer, NotKept, resultText, staleText, type KeptAnswer } from './kept-answer.ts';
import type { Answer } from './message.ts';
import { AskerGone, UpstreamError } from './upstream-error.ts';

export interface AnswerStoreOptions {
  readonly rules: CachingRules;
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** How long what has expired is still served while the upstream is away, in ms; 0 = not at all. */
  readonly failSafeMs: number;
  readonly logger?: Logger;
}

/** Who asks. */
export interface Asking {
  /** What is kept for nobody else; `undefined` where nothing tells the asker from others. */
  readonly partition: Partition | undefined;
  /** Its connection, with which that partition ends. */
  readonly connection: string;
  /** Fires when the request is withdrawn. */
  readonly signal: AbortSignal;
  readonly isUpstreamUp: () => boolean;
  /**
   * Has the upstream answer.
   *
   * @param waits for an upstream that is away, until it is back
   * @throws (rejects with) `UpstreamError`, `AskerGone`
   */
  readonly ask: (signal: AbortSignal, waits: boolean) => Promise<Answer>;
}

/** An answer, or the result of one as JSON. */
export type Reply = Answer | { readonly text: string };

/** Bytes that an entry takes besides its text. */
const ENTRY_BYTES = 200;
const PUBLIC_TAG = 'public';
const URI_TAG = 'uri ';
const READ_KEYS: ReadKeys = {
  prefix: '',
  tagPrefix: URI_TAG,
  uriOf: (key) => readUriOf(key.slice(key.indexOf('\n') + 1)),
};

/**
 * Answers of the upstream by (partition, request): one request to it however many ask, until it tells
 * of a change or the time to live is over.
 */
export class AnswerStore implements Disposable {
  /** What is fresh. */
  readonly cache: ResourceCache<KeptAnswer>;
  /** What was, for when the upstream is away. */
  readonly #stale: ResourceCache<KeptAnswer> | undefined;
  readonly rules: CachingRules;
  readonly #failSafeMs: number;
  /** Changes that were told so far: what was asked for before one is not kept after it. */
  #changes = 0;
  staleReplies = 0;

  constructor({ rules, maxEntries, maxBytes, failSafeMs, logger }: AnswerStoreOptions) {
    const half = failSafeMs === 0 ? maxBytes : Math.ceil(maxBytes / 2);
    const bounds = { maxEntries, maxBytes: half, weigh, ...(logger && { logger }) };
    this.rules = rules;
    this.#failSafeMs = failSafeMs;
    this.cache = new ResourceCache<KeptAnswer>({ ...bounds, ttlMs: 0 });
    if (failSafeMs > 0) this.#stale = new ResourceCache<KeptAnswer>({ ...bounds, ttlMs: 0 });
  }

  /** @throws (rejects with) whatever, once the request is withdrawn */
  async answer(request: CacheableRequest, asking: Asking): Promise<Reply> {
    const verdict = this.#verdictOf(request);
    if (!verdict.cached) return this.#ask(asking);
    const shared = keyOf(request, PUBLIC_PARTITION);
    if (!verdict.isPublic && request.hasHints && this.cache.has(shared)) {
      const kept = this.cache.get(shared);
      if (kept !== undefined) return { text: resultText(kept) };
    }
    const partition = verdict.isPublic ? PUBLIC_PARTITION : asking.partition;
    if (partition !== undefined) return this.#answer(request, verdict, partition, asking);
    const answer = await this.#askWithChanges(asking);
    return this.#share(request, verdict, answer) ?? answer.answer;
  }

  /** Drops every read of a URI, for whomever it is kept. */
  dropUri(uri: string): void {
    this.#drop(uriTag(uri));
  }

  /** Drops a group's lists, and for resources their reads: what has left the list is read no more. */
  dropGroup(group: MethodGroup): void {
    this.#drop(group);
  }

  /** Drops every answer to a method, for whomever it is kept. */
  dropMethod(method: string): void {
    this.#drop(methodTag(method));
  }

  /**
   * Drops every read of a URI that matches, however spelled, and every one whose contents include one.
   * Looks at each key.
   */
  dropUris(pattern: UriPattern): void {
    if (pattern.kind === 'exact') {
      this.dropUri(pattern.prefix);
      return;
    }
    this.#changes++;
    for (const cache of [this.cache, this.#stale]) {
      if (cache !== undefined) dropReads(cache, READ_KEYS, pattern);
    }
  }

  /** Drops what only a connection that has closed could ask for. */
  dropConnection(connection: string): void {
    this.#drop(connectionTag(connection));
  }

  /** The upstream of a connection was away, and may not have told of changes. */
  doubt(connection: string): void {
    this.#changes++;
    this.cache.invalidateTag(connectionTag(connection));
    this.cache.invalidateTag(PUBLIC_TAG);
  }

  [Symbol.dispose](): void {
    this.cache.close();
    this.#stale?.close();
  }

  #drop(tag: string): void {
    this.#changes++;
    this.cache.invalidateTag(tag);
    this.#stale?.invalidateTag(tag);
  }

  #verdictOf({ uri }: CacheableRequest): Verdict {
    return uri === undefined ? this.rules.forList() : this.rules.forUri(uri);
  }

  async #answer(
    request: CacheableRequest,
    verdict: Verdict,
    partition: Partition,
    asking: Asking,
  ): Promise<Reply> {
    const key = keyOf(request, partition);
    let waits = this.#stale?.has(key) !== true;
    for (let attempt = 0; ; attempt++) {
      try {
        const stale = this.#staleReply(key, asking);
        if (stale !== undefined) return stale;
        return { text: resultText(await this.#load(request, verdict, key, asking, waits)) };
      } catch (error) {
        if (asking.signal.aborted) throw error;
        const cause = error instanceof GranaryError ? error.cause : error;
        if (cause instanceof OwnAnswer) {
          return this.#share(request, verdict, cause) ?? cause.answer;
        }
        // The first who asked left, or got an answer for itself alone.
        if (cause instanceof AskerGone) continue;
        if (cause instanceof NotKept) return this.#ask(asking);
        if (!(cause instanceof UpstreamError)) throw error;
        // One that was away meanwhile is given what there is, else a second chance.
        const stale = this.#staleReply(key, asking, cause.message);
        if (stale !== undefined) return stale;
        if (attempt > 0) return cause.answer;
        waits = true;
      }
    }
  }

  /** Loads, or waits for the load of another; what is not kept is thrown as it comes. */
  async #load(
    request: CacheableRequest,
    verdict: Verdict,
    key: string,
    asking: Asking,
    waits: boolean,
  ): Promise<KeptAnswer> {
    const { signal, connection } = asking;
    let isOwn = false;
    const changes = this.#changes;
    try {
      return await this.cache.load(
        key,
        async (_, context) => {
          isOwn = true;
          const tags = tagsOf(request, verdict.isPublic ? undefined : connection);
          // Before the upstream is asked: a change that is told meanwhile is found by its tags.
          context.setTags(tags);
          const answer = await asking.ask(context.signal, waits);
          const kept = keptAnswer(request, verdict, answer, performance.now());
          if (kept.scope === 'public' && !verdict.isPublic) throw new NotKept(answer);
          const all = [...tags, ...contentTags(request, answer)];
          context.setTags(all);
          context.setTtl(ttlOf(kept, 0));
          if (changes === this.#changes) this.#keepStale(key, kept, all);
          return kept;
        },
        { signal },
      );
    } catch (error) {
      const cause = error instanceof GranaryError ? error.cause : undefined;
      if (isOwn && cause instanceof NotKept) throw new OwnAnswer(cause.answer, changes);
      throw error;
    }
  }

  /** Keeps for all what the upstream says is public, unless a change was told meanwhile. */
  #share(request: CacheableRequest, verdict: Verdict, own: OwnAnswer): Reply | undefined {
    const { answer, changes } = own;
    if (!request.hasHints || changes !== this.#changes) return undefined;
    try {
      const kept = keptAnswer(request, verdict, answer, performance.now());
      if (kept.scope !== 'public') return undefined;
      const tags = [...tagsOf(request, undefined), ...contentTags(request, answer)];
      const key = keyOf(request, PUBLIC_PARTITION);
      this.cache.set(key, kept, { ttlMs: ttlOf(kept, 0), tags });
      this.#keepStale(key, kept, tags);
      return { text: resultText(kept) };
    } catch (error) {
      if (error instanceof NotKept) return undefined;
      throw error;
    }
  }

  #keepStale(key: string, kept: KeptAnswer, tags: readonly string[]): void {
    this.#stale?.set(key, kept, { ttlMs: ttlOf(kept, this.#failSafeMs), tags });
  }

  /** @param reason why there is nothing better; without one, only an upstream that is away is one */
  #staleReply(key: string, asking: Asking, reason?: string): Reply | undefined {
    if (reason === undefined && (asking.isUpstreamUp() || this.cache.has(key))) return undefined;
    const kept = this.#stale?.get(key);
    if (kept === undefined) return undefined;
    this.staleReplies++;
    return { text: staleText(kept, reason ?? 'the upstream is away') };
  }

  async #askWithChanges(asking: Asking): Promise<OwnAnswer> {
    const changes = this.#changes;
    return new OwnAnswer(await this.#ask(asking), changes);
  }

  async #ask({ ask, signal }: Asking): Promise<Answer> {
    try {
      return await ask(signal, true);
    } catch (error) {
      if (error instanceof UpstreamError || error instanceof NotKept) return error.answer;
      throw error;
    }
  }
}

/** What was answered to the one who asks, and the changes that were told before it was asked. */
class OwnAnswer extends Error {
  readonly answer: Answer;
  readonly changes: number;

  constructor(answer: Answer, changes: number) {
    super('an answer for its asker');
    this.answer = answer;
    this.changes = changes;
  }
}

function weigh({ head }: KeptAnswer): number {
  return weighValue(head) + ENTRY_BYTES;
}

function ttlOf({ keptAtMs, freshUntilMs }: KeptAnswer, moreMs: number): number {
  const ttlMs = freshUntilMs - keptAtMs;
  return ttlMs === Infinity ? 0 : ttlMs + moreMs;
}

/** A partition has no line break, so that nothing a client chose reaches into another. */
function keyOf({ key }: CacheableRequest, partition: Partition): string {
  return `${partition}\n${key}`;
}

function tagsOf(
  { group, method, uri }: CacheableRequest,
  connection: string | undefined,
): string[] {
  return [
    group,
    methodTag(method),
    connection === undefined ? PUBLIC_TAG : connectionTag(connection),
    ...(uri === undefined ? [] : [uriTag(uri)]),
  ];
}

function contentTags(request: CacheableRequest, answer: Answer): string[] {
  return 'result' in answer ? partUris(request, answer.result).map(uriTag) : [];
}

function uriTag(uri: string): string {
  return URI_TAG + foldedUri(uri);
}

function methodTag(method: string): string {
  return `method ${method}`;
}

function connectionTag(connection: string): string {
  return `connection ${connection}`;
}
