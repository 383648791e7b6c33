import { randomUUID } from 'node:crypto';

import type {
  JSONRPCErrorResponse,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

import { UnsharedAnswer, type Answer } from './answer.ts';

/** The request that made a handler be called. */
export interface Asker {
  /** Where it came by. */
  readonly connection: object;
  readonly id: RequestId;
  /** Whether its client still waits; others may, when it does not. */
  isWaiting(): boolean;
}

/** A handler at work. */
export interface HandlerCall {
  readonly answer: Promise<Answer>;
  /** The same, for others than its asker: rejects once the handler turns to its asker's client. */
  readonly sharedAnswer: Promise<Answer>;
}

interface PendingCall {
  readonly asker: Asker;
  resolve(answer: Answer): void;
  reject(reason: Error): void;
  /** Takes all but its asker off the call. */
  unshare(): void;
}

/**
 * The connection that a handler was called for has closed, so that its answer never comes. Known by
 * its name, as it may come from another thread.
 */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/**
 * Requests on their way through the handlers of one server, under ids of our own: clients choose
 * theirs, each without knowing of the others, and one may leave while others wait for the same answer.
 */
export class HandlerCalls {
  readonly #prefix = `granary-${randomUUID()}-`;
  readonly #calls = new Map<RequestId, PendingCall>();
  #count = 0;

  begin(asker: Asker): HandlerCall & { id: RequestId } {
    const id = this.#prefix + this.#count++;
    const answered = deferred<Answer>();
    const unshared = deferred<never>();
    this.#calls.set(id, {
      asker,
      resolve: (answer) => answered.resolve(answer),
      reject: (reason) => answered.reject(reason),
      unshare: () => unshared.reject(new UnsharedAnswer()),
    });
    const answer = answered.promise;
    const sharedAnswer = Promise.race([answer, unshared.promise]);
    // Whichever of the two nobody has asked for.
    for (const promise of [answer, sharedAnswer]) promise.catch(() => {});
    return { id, answer, sharedAnswer };
  }

  /** Whether an id is of the kind that calls here have, so that no client may use it. */
  isReserved(id: unknown): boolean {
    return (
      typeof id === 'string' &&
      id.startsWith(this.#prefix) &&
      /^\d+$/.test(id.slice(this.#prefix.length))
    );
  }

  /** @returns whether a response is to a call of ours, also to one that nobody waits for any more. */
  settle(response: JSONRPCResultResponse | JSONRPCErrorResponse): boolean {
    const { id } = response;
    if (id === undefined || !this.isReserved(id)) return false;
    this.answer(id, 'error' in response ? { error: response.error } : { result: response.result });
    return true;
  }

  answer(id: RequestId, answer: Answer): void {
    this.#take(id)?.resolve(answer);
  }

  askerOf(id: RequestId): Asker | undefined {
    return this.#calls.get(id)?.asker;
  }

  /**
   * A handler asks something of its asker's client, so that its answer is for that client alone.
   *
   * @param id of the call; where the handler does not say which, it may be any of the connection
   */
  unshare(connection: object, id: RequestId | undefined): void {
    for (const [at, call] of this.#calls) {
      const isMeant = id === undefined ? call.asker.connection === connection : at === id;
      if (isMeant) call.unshare();
    }
  }

  /** A handler has made an answer that is its asker's alone, and is not to be kept. */
  unshareAnswer(id: RequestId): void {
    this.#calls.get(id)?.unshare();
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

  #take(id: RequestId): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: Error): void;
}

function deferred<T>(): Deferred<T> {
  let settle!: Pick<Deferred<T>, 'resolve' | 'reject'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
