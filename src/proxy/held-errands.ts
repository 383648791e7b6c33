import type { Errand } from './errand.ts';
import type { RequestId } from './message.ts';
import { UpstreamError } from './upstream-error.ts';

/** More than any client has under way; what comes beyond is refused at once. */
const MAX_HELD = 1_000;
const MAX_HELD_CHARS = 64 * 1_048_576;

/** Requests that wait for an upstream that is away: in order, and not for ever. */
export class HeldErrands {
  readonly #holdMs: number;
  #chars = 0;
  readonly #held = new Map<RequestId, { errand: Errand; timer: NodeJS.Timeout }>();

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @param reason why the upstream is away */
  add(errand: Errand, reason: string): void {
    const { id } = errand.message;
    const { length } = errand.message.text;
    const isFull = this.#held.size >= MAX_HELD || this.#chars + length > MAX_HELD_CHARS;
    if (id === undefined || isFull) {
      errand.fail(new UpstreamError(`${reason}; too many requests wait for it already`));
      return;
    }
    this.remove(id);
    this.#chars += length;
    const timer = setTimeout(() => {
      this.remove(id);
      errand.fail(new UpstreamError(`${reason}; it was not back within ${this.#holdMs} ms`));
    }, this.#holdMs);
    this.#held.set(id, { errand, timer });
  }

  /** @returns the one of an id, which waits no more */
  remove(id: RequestId): Errand | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    this.#held.delete(id);
    this.#chars -= held.errand.message.text.length;
    return held.errand;
  }

  /** @returns all, in order, which wait no more */
  takeAll(): readonly Errand[] {
    const all = [...this.#held.values()];
    this.#held.clear();
    this.#chars = 0;
    return all.map(({ errand, timer }) => {
      clearTimeout(timer);
      return errand;
    });
  }
}
