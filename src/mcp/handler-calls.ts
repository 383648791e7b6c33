import { randomUUID } from 'node:crypto';

import type {
  JSONRPCErrorResponse,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

import type { Answer } from './answer.ts';

/** The request that made a handler be called. */
export interface Asker {
  /** Where it came by. */
  readonly connection: object;
  readonly id: RequestId;
  /** Whether its client still waits; others may, when it does not. */
  isWaiting(): boolean;
}

interface HandlerCall {
  readonly asker: Asker;
  resolve(answer: Answer): void;
  reject(reason: Error): void;
}

/** The connection that a handler was called for has closed, so that its answer never comes. */
export class ConnectionLost extends Error {}

/**
 * Requests on their way through the handlers of one server, under ids of our own: clients choose
 * theirs, each without knowing of the others, and one may leave while others wait for the same answer.
 */
export class HandlerCalls {
  readonly #prefix = `granary-${randomUUID()}-`;
  readonly #calls = new Map<RequestId, HandlerCall>();
  #count = 0;

  begin(asker: Asker): { id: RequestId; answer: Promise<Answer> } {
    const id = this.#prefix + this.#count++;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#calls.set(id, { asker, resolve, reject });
    });
    return { id, answer };
  }

  /** @returns whether a response is to a call of ours, also to one that nobody waits for any more. */
  settle(response: JSONRPCResultResponse | JSONRPCErrorResponse): boolean {
    const { id } = response;
    if (typeof id !== 'string' || !id.startsWith(this.#prefix)) return false;
    const answer = 'error' in response ? { error: response.error } : { result: response.result };
    this.#take(id)?.resolve(answer);
    return true;
  }

  askerOf(id: RequestId): Asker | undefined {
    return this.#calls.get(id)?.asker;
  }

  /** @returns whether there was such a call. */
  abandon(id: RequestId, reason: Error): boolean {
    const call = this.#take(id);
    call?.reject(reason);
    return call !== undefined;
  }

  abandonAllOf(connection: object): void {
    for (const [id, { asker }] of this.#calls) {
      if (asker.connection === connection) {
        this.abandon(id, new ConnectionLost('the connection of the request has closed'));
      }
    }
  }

  #take(id: RequestId): HandlerCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }
}
