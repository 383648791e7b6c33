import { describeError } from '../describe-value.ts';
import { checkFunction, checkOneOf } from '../options.ts';

/** What listeners of an event are given, by the name of the event. */
export type EventDetails = Readonly<Record<string, object>>;

/** An event as it is told: its details, and its name. */
export type Told<Details extends EventDetails, Name extends keyof Details> = Details[Name] & {
  readonly event: Name;
};

/** A listener; what it throws becomes one process warning. */
export type JournalListener<Details extends EventDetails, Name extends keyof Details> = (
  event: Told<Details, Name>,
) => void;

interface Registration {
  readonly listener: (event: never) => void;
  readonly once: boolean;
}

/** Tells and counts what happens. */
export class Journal<Details extends EventDetails> {
  readonly #names: readonly (keyof Details & string)[];
  readonly #counts = new Map<keyof Details, number>();
  readonly #registrations = new Map<keyof Details, readonly Registration[]>();
  readonly #reported = new WeakSet<Registration['listener']>();

  /** @param names - every event that there is */
  constructor(names: readonly (keyof Details & string)[]) {
    this.#names = names;
  }

  /** How often something has happened; what is told of several at once counts each. */
  count(event: keyof Details): number {
    return this.#counts.get(event) ?? 0;
  }

  add<Name extends keyof Details & string>(
    event: Name,
    listener: JournalListener<Details, Name>,
    once: boolean,
  ): void {
    checkOneOf('event', event, this.#names);
    checkFunction('listener', listener);
    this.#registrations.set(event, [...this.#of(event), { listener, once }]);
  }

  /** Removes the newest registration of the listener, as `EventEmitter` does. */
  remove<Name extends keyof Details & string>(
    event: Name,
    listener: JournalListener<Details, Name>,
  ): void {
    checkOneOf('event', event, this.#names);
    checkFunction('listener', listener);
    const at = this.#of(event).findLastIndex((registered) => registered.listener === listener);
    if (at >= 0) this.#registrations.set(event, this.#of(event).toSpliced(at, 1));
  }

  removeAll(): void {
    this.#registrations.clear();
  }

  /** @param count - how many things are told of at once */
  tell<Name extends keyof Details & string>(event: Name, details: Details[Name], count = 1): void {
    this.#counts.set(event, this.count(event) + count);
    for (const registration of this.#of(event)) {
      const { listener, once } = registration;
      if (once) this.remove(event, listener as JournalListener<Details, Name>);
      try {
        (listener as (told: object) => void)({ ...details, event });
      } catch (error) {
        this.#report(listener, event, error);
      }
    }
  }

  #of(event: keyof Details): readonly Registration[] {
    return this.#registrations.get(event) ?? [];
  }

  #report(listener: Registration['listener'], event: string, error: unknown): void {
    if (this.#reported.has(listener)) return;
    this.#reported.add(listener);
    process.emitWarning(`a listener of '${event}' failed: ${describeError(error, 'stack')}`, {
      type: 'GranaryListenerWarning',
      code: 'GRANARY_LISTENER_FAILED',
    });
  }
}
