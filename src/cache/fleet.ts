import type { GranaryError } from '../errors.ts';
import type { Lifetime } from './store.ts';

/** How a load that another thread runs has ended; `undefined`: nobody runs it any more. */
export type FleetOutcome<V> = { readonly value: V } | { readonly error: GranaryError } | undefined;

/** What this thread is to do about a URI that it has not got. */
export type Berth<V> =
  | { readonly role: 'cached'; readonly value: V }
  | { readonly role: 'lead'; readonly number: number }
  | {
      readonly role: 'follow';
      readonly number: number;
      readonly outcome: Promise<FleetOutcome<V>>;
      /** Waits no more. */
      leave(): void;
    };

/**
 * Loads under way over all threads of a store: one per URI, whichever thread runs it.
 *
 * Its lease is the life of the thread that runs it: when that ends, those who wait go on with their
 * own loader.
 */
export interface Fleet<V, Form = unknown> {
  board(uri: string, tags: readonly string[]): Berth<V>;
  /**
   * The loader has made a value, or found it unchanged: it is stored, unless something has overtaken the load, and told to
   * all who wait.
   *
   * @param isNew whether `loaded` is told
   * @returns the value as the store gives it
   */
  land(number: number, form: Form, weight: number, lifetime: Lifetime, isNew: boolean): V;
  crash(number: number, error: GranaryError): void;
  retag(number: number, tags: readonly string[]): void;
  /** Whether a load that begins now may join this one. */
  isAttached(number: number): boolean;
  /** Callers here have got a value by a load: other threads that listen to accesses are told. */
  served(uri: string, value: V, callers: number): void;
  /** Nobody here waits any more. @returns whether other threads do, so that the loader goes on */
  abandon(number: number): boolean;
}
