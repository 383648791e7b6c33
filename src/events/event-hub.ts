import { describeError, describeUri } from '../describe-value.ts';
import { checkFunction, checkOneOf } from '../options.ts';
import {
  RESOURCE_EVENT_NAMES,
  type ResourceEvent,
  type ResourceEventName,
  type ResourceListener,
} from './resource-event.ts';

/**
 * How deep listeners may nest that cause events of their own. Below that, what they cause waits for
 * the delivery above: order is kept, and the stack holds.
 */
const DEEPEST = 64;

interface Registration<V> {
  readonly listener: ResourceListener<V>;
  readonly once: boolean;
}

/**
 * Queues events while state changes and delivers them when the public call has changed all of it.
 *
 * The place of delivery (which event, which listener next) belongs to the hub, not to a stack frame:
 * a listener that calls back in causes a nested `flush`, which goes on from that place. So every
 * listener sees all events in one order, and each call returns after its own events were delivered.
 * A call that caused none leaves the rest of the queue to the delivery under way.
 */
export class EventHub<V> {
  /** Which events somebody listens to; read on hot paths instead of asking a method. */
  readonly heard: Record<ResourceEventName, boolean> = {
    loaded: false,
    accessed: false,
    invalidated: false,
    expired: false,
    evicted: false,
  };
  /** Whether anybody listens to anything, or has; then a call may have events to deliver. */
  isHeard = false;
  /** Called when `heard` may have changed. */
  onHeard: (() => void) | undefined;
  readonly #registrations: Record<ResourceEventName, readonly Registration<V>[]> = {
    loaded: [],
    accessed: [],
    invalidated: [],
    expired: [],
    evicted: [],
  };
  #queue: ResourceEvent<V>[] = [];
  #queueHead = 0;
  #current: ResourceEvent<V> | undefined;
  #audience: readonly Registration<V>[] = [];
  #nextListener = 0;
  /** How many listeners are running, one within the other. */
  #depth = 0;
  /** Length of the queue when the innermost of them was called. */
  #queuedBefore = 0;
  readonly #reported = new WeakSet<ResourceListener<V>>();

  add(event: ResourceEventName, listener: ResourceListener<V>, once: boolean): void {
    checkOneOf('event', event, RESOURCE_EVENT_NAMES);
    checkFunction('listener', listener);
    this.#replace(event, [...this.#registrations[event], { listener, once }]);
  }

  /** Removes the newest registration of the listener, as `EventEmitter` does. */
  remove(event: ResourceEventName, listener: ResourceListener<V>): void {
    checkOneOf('event', event, RESOURCE_EVENT_NAMES);
    checkFunction('listener', listener);
    const list = this.#registrations[event];
    const at = list.findLastIndex((registration) => registration.listener === listener);
    if (at >= 0) this.#replace(event, list.toSpliced(at, 1));
  }

  removeAll(): void {
    for (const event of RESOURCE_EVENT_NAMES) this.#replace(event, []);
  }

  /** Delivered by the next `flush`; callers look at `heard` first. */
  queue(event: ResourceEvent<V>): void {
    this.#queue.push(event);
  }

  /** Delivers what is queued; one comparison where nothing is. */
  flush(): void {
    if (this.#queue.length > 0) this.#deliverAll();
  }

  #deliverAll(): void {
    const causedNone = this.#depth > 0 && this.#queue.length === this.#queuedBefore;
    if (causedNone || this.#depth >= DEEPEST) return;
    for (;;) {
      const registration = this.#audience[this.#nextListener];
      if (this.#current !== undefined && registration !== undefined) {
        this.#nextListener++;
        this.#deliver(this.#current, registration);
        continue;
      }
      this.#current = this.#queue[this.#queueHead];
      if (this.#current === undefined) {
        if (this.#queueHead > 0) this.#queue = [];
        this.#queueHead = 0;
        this.#queuedBefore = 0;
        this.#audience = [];
        return;
      }
      this.#queueHead++;
      this.#audience = this.#registrations[this.#current.event];
      this.#nextListener = 0;
    }
  }

  #deliver(event: ResourceEvent<V>, registration: Registration<V>): void {
    if (!this.#registrations[event.event].includes(registration)) return;
    if (registration.once) {
      this.#replace(
        event.event,
        this.#registrations[event.event].filter((other) => other !== registration),
      );
    }
    this.#depth++;
    this.#queuedBefore = this.#queue.length;
    try {
      const returned: unknown = registration.listener(event);
      if (returned instanceof Promise) {
        returned.catch((error: unknown) => this.#report(registration.listener, event, error));
      }
    } catch (error) {
      this.#report(registration.listener, event, error);
    } finally {
      this.#depth--;
    }
  }

  #report(listener: ResourceListener<V>, event: ResourceEvent<V>, error: unknown): void {
    if (this.#reported.has(listener)) return;
    this.#reported.add(listener);
    const what = describeError(error, 'stack');
    process.emitWarning(
      `a listener of '${event.event}' failed on ${describeUri(event.uri)}: ${what}`,
      {
        type: 'GranaryListenerWarning',
        code: 'GRANARY_LISTENER_FAILED',
      },
    );
  }

  #replace(event: ResourceEventName, registrations: readonly Registration<V>[]): void {
    this.#registrations[event] = registrations;
    const before = this.heard[event];
    this.heard[event] = registrations.length > 0;
    this.isHeard ||= this.heard[event];
    if (this.heard[event] !== before) this.onHeard?.();
  }
}
