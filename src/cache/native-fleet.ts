import { describeError } from '../describe-value.ts';
import { GranaryError, type GranaryErrorCode } from '../errors.ts';
import type {
  StoreFailure,
  StoreHandle,
  StoreMessage,
  StoreRevalidation,
} from '../native/store-opening.ts';
import type { Berth, Fleet, FleetOutcome } from './fleet.ts';
import type { Lifetime } from './store.ts';
import { validatorText } from './validator.ts';
import { decodeValue, encodeValue, type EncodedValue } from './value-codec.ts';

/**
 * How often a thread that waits for another one looks by itself, though it would be woken. The timer
 * is what keeps its event loop alive meanwhile.
 */
const LOOK_MS = 1_000;

/** A load of another thread that callers here wait for. */
interface Followed<V> {
  readonly uri: string;
  readonly tell: (outcome: FleetOutcome<V>) => void;
}

/** What a fleet asks of its store. */
export interface FleetHome<V> {
  /** The time of a call, where time is the user's. */
  at(): number;
  decode(kind: number, data: string | Uint8Array): V | undefined;
  /** The value of the last answer. */
  decodeAnswer(data: string | Uint8Array): V | undefined;
  /** Whether other threads listen to accesses. */
  isWatchedElsewhere(): boolean;
  takeMessages(): void;
}

/** Loads under way over all threads that have a native store open. */
export class NativeFleet<V> implements Fleet<V, EncodedValue> {
  readonly #handle: StoreHandle;
  readonly #home: FleetHome<V>;
  /** By number; loads of one URI that were parted here may wait for one and the same elsewhere. */
  readonly #followed = new Map<number, Set<Followed<V>>>();
  #look: NodeJS.Timeout | undefined;

  constructor(handle: StoreHandle, home: FleetHome<V>) {
    this.#handle = handle;
    this.#home = home;
  }

  board(uri: string, tags: readonly string[]): Berth<V> {
    const berth = this.#berth(uri, tags);
    // Not before: that of the load that is followed from here on may be among them.
    this.#home.takeMessages();
    return berth;
  }

  #berth(uri: string, tags: readonly string[]): Berth<V> {
    const { data, flight, leads } = this.#handle.board(uri, [...tags], this.#home.at());
    if (data !== undefined) {
      const value = this.#home.decodeAnswer(data);
      if (value !== undefined) return { role: 'cached', value };
    }
    if (leads || data !== undefined) return { role: 'lead', number: flight };
    return this.#follow(flight, uri);
  }

  land(number: number, form: EncodedValue, weight: number, lifetime: Lifetime, isNew: boolean): V {
    const { kind, data } = form;
    const { ttlMs, idleTtlMs } = lifetime;
    const tags = tagsOf(lifetime);
    const known = revalidationOf(lifetime);
    const at = this.#home.at();
    this.#handle.land(number, kind, data, weight, ttlMs, idleTtlMs, tags, known, isNew, at);
    this.#home.takeMessages();
    return decodeValue(kind, data) as V;
  }

  crash(number: number, error: GranaryError): void {
    this.#handle.crash(number, toFailure(error), 0);
  }

  retag(number: number, tags: readonly string[]): void {
    this.#handle.retag(number, [...tags], 0);
  }

  isAttached(number: number): boolean {
    return this.#handle.isAttached(number, 0);
  }

  abandon(number: number): boolean {
    return this.#handle.abandon(number, 0);
  }

  served(uri: string, value: V, callers: number): void {
    if (!this.#home.isWatchedElsewhere()) return;
    const { kind, data } = encodeValue(uri, value);
    this.#handle.tellAccessed(uri, kind, data, callers, 0);
  }

  /** Another thread's load has ended. */
  landed({ flight, kind, data, failure }: StoreMessage): void {
    const followed = this.#followed.get(flight) ?? [];
    this.#followed.delete(flight);
    this.#restIfIdle();
    for (const { uri, tell } of followed) {
      const value = data === undefined ? undefined : this.#home.decode(kind, data);
      if (failure !== undefined) tell({ error: toError(failure, uri) });
      else tell(value === undefined ? undefined : { value });
    }
  }

  close(): void {
    this.#followed.clear();
    this.#restIfIdle();
  }

  #follow(number: number, uri: string): Berth<V> {
    this.#look ??= setInterval(() => this.#home.takeMessages(), LOOK_MS);
    const followed = this.#followed.get(number) ?? new Set();
    this.#followed.set(number, followed);
    let waiting!: Followed<V>;
    const outcome = new Promise<FleetOutcome<V>>((tell) => {
      waiting = { uri, tell };
    });
    followed.add(waiting);
    const leave = (): void => {
      followed.delete(waiting);
      if (followed.size === 0) this.#unfollow(number);
    };
    return { role: 'follow', number, outcome, leave };
  }

  #unfollow(number: number): void {
    if (this.#followed.delete(number)) this.#handle.unfollow(number, 0);
    this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#followed.size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }
}

/** @returns tags as Rust takes them: most entries have none, which costs nothing to hand over. */
export function tagsOf({ tags }: Lifetime): string[] | undefined {
  return tags.length === 0 ? undefined : [...tags];
}

/** As Rust keeps it, which reads none of it. */
export function revalidationOf({ revalidation }: Lifetime): StoreRevalidation | undefined {
  if (revalidation === undefined) return undefined;
  const { validator, staleTtlMs } = revalidation;
  return { validator: validatorText(validator), staleTtlMs };
}

function toFailure(error: GranaryError): StoreFailure {
  const { code, message, cause } = error;
  const causeCode: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return {
    code,
    message,
    causeName: cause instanceof Error ? cause.name : '',
    causeMessage: describeError(cause),
    ...(typeof causeCode === 'string' ? { causeCode } : {}),
    absent: error.data['absent'] === true,
  };
}

/** The error as this thread can have it: by code and message, the cause too. */
function toError(failure: StoreFailure, uri: string): GranaryError {
  const { code, message, causeName, causeMessage, causeCode, absent } = failure;
  const cause = new Error(causeMessage);
  if (causeName !== '') cause.name = causeName;
  if (causeCode !== undefined) Object.assign(cause, { code: causeCode });
  return new GranaryError(code as GranaryErrorCode, message, {
    cause,
    data: absent ? { uri, absent } : { uri },
  });
}
