import { checkAbortSignal } from '../cache/cache-options.ts';
import { abortedError, type Flight, Flights, LoaderRun } from '../cache/flights.ts';
import { PARTITION_SEPARATOR } from '../cache/partition-key.ts';
import { GranaryError } from '../errors.ts';
import { badOption } from '../options.ts';
import type { ResponseKey, ResponseSpace } from './response-key.ts';

/** The client's methods whose results it caches, with what they ask the server. */
const METHODS = {
  listTools: 'tools/list',
  listPrompts: 'prompts/list',
  listResources: 'resources/list',
  listResourceTemplates: 'resources/templates/list',
  readResource: 'resources/read',
} as const;

/** A method of a client that is coalesced. */
export type CoalescedVerb = keyof typeof METHODS;

const VERBS = Object.keys(METHODS) as readonly CoalescedVerb[];

/** As much as is asked of a client: `Client` of `@modelcontextprotocol/client` is one. */
export type CoalescableClient = {
  readonly [Verb in CoalescedVerb]: (params: never, options?: never) => Promise<object>;
};

/** What callers may differ in, or must share, for one request to do. */
interface Terms {
  readonly signal?: AbortSignal | undefined;
  readonly cacheMode?: unknown;
  readonly timeout?: unknown;
  readonly maxTotalTimeout?: unknown;
}

const TERMS: ReadonlySet<string> = new Set<keyof Terms>([
  'signal',
  'cacheMode',
  'timeout',
  'maxTotalTimeout',
]);

type Send = (params: unknown, options: unknown) => Promise<object>;

/** Requests of clients under way: one, however many equal ones are made. */
export class CoalescedRequests {
  /** Requests that joined one under way. */
  coalesced = 0;
  readonly #space: ResponseSpace;
  readonly #flights = new Flights<object>();
  readonly #numbers = new WeakMap<object, number>();
  #clients = 0;
  /** Where a client has looked last. */
  #lookedUp: string | undefined;

  constructor(space: ResponseSpace) {
    this.#space = space;
  }

  /** A look-up in the store, of which a request may be the reason. */
  noteLookUp(uri: string): void {
    this.#lookedUp = uri;
  }

  /** @throws `ERR_GRANARY_BAD_OPTION` unless it has all the methods */
  of<Client extends CoalescableClient>(client: Client): Pick<Client, CoalescedVerb> {
    checkClient(client);
    const number = this.#numbers.get(client) ?? this.#clients++;
    this.#numbers.set(client, number);
    const coalesced = VERBS.map((verb) => {
      // Async: whatever throws rejects, as it does in the client.
      const send: Send = async (params, options) => client[verb](params as never, options as never);
      return [
        verb,
        async (params?: object, options?: object) => this.#ask(number, verb, send, params, options),
      ];
    });
    return Object.fromEntries(coalesced) as Pick<Client, CoalescedVerb>;
  }

  /** A response was dropped: requests that would bring it are not joined any more. */
  detach(key: ResponseKey, uri: string): void {
    if (this.#flights.size === 0) return;
    this.#flights.detachTag(uri);
    this.#flights.detachTag(this.#anyPartitionTag(key));
  }

  detachMethod(method: string): void {
    this.#flights.detachTag(this.#space.methodTag(method));
  }

  detachAll(): void {
    this.#flights.detachWhere(() => true);
  }

  #ask(
    client: number,
    verb: CoalescedVerb,
    send: Send,
    params: object | undefined,
    options: object | undefined,
  ): Promise<object> {
    const subject = subjectOf(verb, params);
    const terms = termsOf(options);
    if (subject === undefined || terms === undefined) return send(params, options);
    const { signal, timeout, maxTotalTimeout } = terms;
    checkAbortSignal('signal', signal);
    const name = subject === '' ? METHODS[verb] : subject;
    if (signal?.aborted) throw abortedError(name, signal.reason);
    const equal = [client, verb, String(timeout), String(maxTotalTimeout)].join(' ');
    const id = `${equal}${PARTITION_SEPARATOR}${subject}`;
    const underWay = this.#flights.find(id);
    if (underWay !== undefined) {
      this.coalesced++;
      return this.#join(underWay, signal, name);
    }
    const methodTag = this.#space.methodTag(METHODS[verb]);
    const flight = this.#flights.start(id, new LoaderRun(), [methodTag]);
    const answer = this.#join(flight, signal, name);
    this.#lookedUp = undefined;
    const sent = send(params, { ...options, signal: flight.run.controller.signal });
    // A client looks into its own partition before it returns. Should it ever not, a change in any
    // partition counts.
    const place =
      this.#lookedUp ?? this.#anyPartitionTag({ method: METHODS[verb], params: subject });
    this.#flights.retag(flight, [methodTag, place]);
    void this.#land(flight, sent);
    return answer;
  }

  async #join(
    flight: Flight<object>,
    signal: AbortSignal | undefined,
    name: string,
  ): Promise<object> {
    try {
      return await this.#flights.join(flight, signal);
    } catch (error) {
      // Names the request as its caller does.
      throw isAborted(error) ? abortedError(name, signal?.reason) : error;
    }
  }

  async #land(flight: Flight<object>, sent: Promise<object>): Promise<void> {
    const [outcome] = await Promise.allSettled([sent]);
    this.#flights.land(flight);
    let isFirst = true;
    for (const waiter of flight.waiters) {
      if (outcome.status === 'rejected') {
        waiter.reject(outcome.reason);
        continue;
      }
      try {
        waiter.resolve(isFirst ? outcome.value : structuredClone(outcome.value));
      } catch (error) {
        waiter.reject(error);
      }
      isFirst = false;
    }
  }

  #anyPartitionTag({ method, params = '' }: ResponseKey): string {
    const request = JSON.stringify([method, params]);
    return `${this.#space.tag}${PARTITION_SEPARATOR}${request}`;
  }
}

/** @returns what is asked about, `''` for a list; `undefined` where params say more than that. */
function subjectOf(verb: CoalescedVerb, params: object | undefined): string | undefined {
  const { uri, ...others } = (params ?? {}) as { readonly uri?: unknown };
  if (Object.values(others).some((value) => value !== undefined)) return undefined;
  if (verb === 'readResource') return typeof uri === 'string' && uri !== '' ? uri : undefined;
  return uri === undefined ? '' : undefined;
}

/** @returns `undefined` where the request must be made whatever is under way. */
function termsOf(options: object | undefined): Terms | undefined {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  if (given.some(([name]) => !TERMS.has(name))) return undefined;
  const terms = Object.fromEntries(given) as Terms;
  return (terms.cacheMode ?? 'use') === 'use' ? terms : undefined;
}

function isAborted(error: unknown): boolean {
  return error instanceof GranaryError && error.code === 'ERR_GRANARY_ABORTED';
}

function checkClient(client: CoalescableClient): void {
  const isObject = typeof client === 'object' && client !== null;
  if (!isObject || VERBS.some((verb) => typeof client[verb] !== 'function')) {
    badOption('client', client, `an object with ${VERBS.map((verb) => `${verb}()`).join(', ')}`);
  }
}
