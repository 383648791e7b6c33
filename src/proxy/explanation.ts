import { cacheableRequest, isKeepable } from './cacheable-request.ts';
import { hintOf } from './kept-answer.ts';
import { answerOf, Message, type Answer, type RequestId } from './message.ts';
import type { Proxy } from './proxy.ts';
import type { ClientLink } from './relay.ts';

/** Whether, why and how long a URI would be cached. */
export interface Explanation {
  readonly uri: string;
  readonly cached: boolean;
  readonly scope: 'public' | 'private';
  /** ms; 0 = until the server tells of a change. */
  readonly ttlMs: number;
  readonly reasons: readonly string[];
  /** What asking it has brought. */
  readonly server: string;
}

const REVISION = '2026-07-28';
const OLDER_REVISION = '2025-11-25';
const CLIENT = { name: 'granary-explain', version: '1' };

/** Asks the server for a URI, and tells what the proxy would make of its answer. */
export async function explanationOf(
  proxy: Proxy,
  uri: string,
  signal: AbortSignal,
): Promise<Explanation> {
  const verdict = proxy.store.rules.forUri(uri);
  const reasons = [
    verdict.cached
      ? `${verdict.because} allows it, ${verdict.ttlMs === 0 ? 'without end' : `for ${verdict.ttlMs} ms`}`
      : `${verdict.because} forbids it`,
  ];
  const scope = verdict.isPublic ? 'public' : 'private';
  const base = { uri, cached: verdict.cached, scope, ttlMs: verdict.ttlMs, reasons } as const;
  const asker = new Asker(proxy, signal);
  try {
    const [message, answer] = await asker.read(uri);
    const request = cacheableRequest(message, OLDER_REVISION, new Set());
    if ('error' in answer) {
      const server = `answered with the error ${answer.error.code}, ${answer.error.message}`;
      return { ...base, cached: false, reasons: [...reasons, 'errors are not kept'], server };
    }
    const server = `answered on revision ${asker.revision}`;
    if (request === undefined || !isKeepable(request, answer.result)) {
      return {
        ...base,
        cached: false,
        reasons: [...reasons, 'the answer is no plain read'],
        server,
      };
    }
    if (!verdict.cached) return { ...base, server };
    const hint = hintOf(answer.result);
    if (hint.ttlMs === undefined) {
      return { ...base, reasons: [...reasons, 'the server sends no hints'], server };
    }
    const told = `the server says ${hint.ttlMs} ms, ${hint.scope}`;
    const ttlMs = verdict.ttlMs === 0 ? hint.ttlMs : Math.min(verdict.ttlMs, hint.ttlMs);
    const isPublic = verdict.isPublic || hint.scope === 'public';
    return {
      ...{ uri, cached: hint.ttlMs > 0, scope: isPublic ? 'public' : 'private', ttlMs, server },
      reasons: [...reasons, told],
    };
  } finally {
    await asker.close();
  }
}

/** A client that reads once, on the newest revision that the server has. */
class Asker implements ClientLink {
  readonly isClogged = false;
  revision = REVISION;
  readonly #relay;
  readonly #waiting = new Map<RequestId, (answer: Answer) => void>();
  #lastId = 0;

  constructor(proxy: Proxy, signal: AbortSignal) {
    this.#relay = proxy.newRelay(this, proxy.newUpstream(), true);
    this.#relay.open();
    signal.addEventListener('abort', () => void this.#relay.close(), { once: true });
  }

  async read(uri: string): Promise<[Message, Answer]> {
    const modern = {
      'io.modelcontextprotocol/protocolVersion': REVISION,
      'io.modelcontextprotocol/clientInfo': CLIENT,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const discovered = await this.#ask('server/discover', { _meta: modern });
    const isModern = 'result' in discovered[1];
    if (!isModern) {
      const params = { protocolVersion: OLDER_REVISION, capabilities: {}, clientInfo: CLIENT };
      const [, answer] = await this.#ask('initialize', params);
      if ('result' in answer) this.revision = String(answer.result['protocolVersion']);
      this.#relay.receive(Message.notification('notifications/initialized'));
    }
    // What nobody knows the meaning of goes past the cache: the answer is as the server gave it.
    const meta = { ...(isModern && modern), 'mcp-granary/explain': true };
    const [, answer] = await this.#ask('resources/read', { uri, _meta: meta });
    return [Message.request(0, 'resources/read', { uri }), answer];
  }

  async close(): Promise<void> {
    await this.#relay.close();
  }

  send(message: Message): void {
    if (message.kind !== 'response') return;
    this.#waiting.get(message.id!)?.(answerOf(message));
    this.#waiting.delete(message.id!);
  }

  end(): void {}

  #ask(method: string, params: Record<string, unknown>): Promise<[Message, Answer]> {
    this.#lastId++;
    const message = Message.request(this.#lastId, method, params);
    return new Promise((resolve) => {
      this.#waiting.set(message.id!, (answer) => resolve([message, answer]));
      this.#relay.receive(message);
    });
  }
}
