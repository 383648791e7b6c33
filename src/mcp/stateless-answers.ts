import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { ResourceCache } from '../cache/resource-cache.ts';
import { AnswerCache } from './answer-cache.ts';
import {
  readCacheServerOptions,
  type CacheServerOptions,
  type CacheServerSettings,
} from './cache-server-options.ts';
import { cacheServer } from './cache-server.ts';
import { plainQuestionOf } from './plain-request.ts';
import type { ReadyAnswer } from './ready-answer.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import { RequestAccess } from './request-access.ts';
import { ScopeChallenges } from './scope-challenges.ts';
import type { SdkHttpTransport } from './sdk-transport.ts';
import type { SdkServer } from './sdk-types.ts';

/** As the transport of a request without sessions is judged, where there is none yet. */
const NO_TRANSPORT: Transport & Pick<SdkHttpTransport, 'handleRequest'> = {
  start: async () => {},
  send: async () => {},
  close: async () => {},
  handleRequest: async () => {},
};

/** What is kept for requests without sessions, of which each has a server of its own. */
export class StatelessAnswers implements ReadyAnswers {
  /** The one given, or one of its own. */
  readonly cache: ResourceCache;
  /** What the servers ask of a request before they take it up. */
  readonly challenges = new ScopeChallenges();
  readonly #options: CacheServerOptions;
  readonly #settings: CacheServerSettings;
  readonly #ownCache: ResourceCache | undefined;
  readonly #answers: AnswerCache;
  readonly #access: RequestAccess;
  readonly #revisionOf: (request: JSONRPCRequest) => string | undefined;
  #isOpen = true;

  /** @param revisionOf what a request is written in, from 2026-07-28 on */
  constructor(
    options: CacheServerOptions,
    revisionOf: (request: JSONRPCRequest) => string | undefined = () => undefined,
  ) {
    readCacheServerOptions(options);
    this.#ownCache = options.cache === undefined ? new ResourceCache() : undefined;
    this.cache = options.cache ?? this.#ownCache!;
    this.#options = { ...options, cache: this.cache };
    this.#settings = readCacheServerOptions(this.#options);
    this.#answers = new AnswerCache(this.cache, this.#settings.ttlMs);
    this.#access = new RequestAccess(NO_TRANSPORT, '', this.#settings);
    this.#revisionOf = revisionOf;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  find(request: JSONRPCRequest, extra?: MessageExtraInfo): ReadyAnswer | undefined {
    // Whom `authorize` is asked about waits for it.
    if (!this.#isOpen || this.#settings.authorize !== undefined) return undefined;
    const question = plainQuestionOf(request, this.#revisionOf(request));
    if (question === undefined) return undefined;
    const partition = this.#access.partitionOf(question, extra, false);
    return partition === undefined ? undefined : this.#answers.ready(question, partition);
  }

  /** Has a server that was made for one request keep what it answers here. */
  follow(server: SdkServer): void {
    this.challenges.followServer(server);
    if (this.#isOpen) cacheServer(server, this.#options);
  }

  dropUri(uri: string): void {
    this.#answers.dropUri(uri);
  }

  /** Frees a cache of its own; requests are served without one from then on. */
  close(): void {
    this.#isOpen = false;
    this.#ownCache?.close();
  }
}
