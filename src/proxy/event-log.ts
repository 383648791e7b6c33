/** How many events of a session are kept, however short. */
const MAX_EVENTS = 1_000;

/** The stream of what belongs to no request; those of requests have numbers of their own. */
export const COMMON_STREAM = 0;

/** Where on which stream a client has stopped reading. */
export interface EventPlace {
  readonly stream: number;
  readonly sequence: number;
}

interface SentEvent extends EventPlace {
  readonly text: string;
  readonly bytes: number;
}

/**
 * What was sent on the streams of one session of late, for a client that comes back with the id of the
 * last event that it has read (Streamable HTTP, "Resumability and Redelivery").
 */
export class EventLog {
  readonly #maxBytes: number;
  /** The oldest first. */
  #events: SentEvent[] = [];
  #bytes = 0;
  #lastStream = COMMON_STREAM;
  #lastSequence = 0;

  /** @param maxBytes 0 = keep nothing */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  newStream(): number {
    this.#lastStream++;
    return this.#lastStream;
  }

  /** Keeps what is sent, and forgets what is beyond the bounds, the oldest first. @returns its id */
  add(stream: number, text: string): string {
    const bytes = Buffer.byteLength(text);
    const id = this.mark(stream);
    this.#events.push({ stream, sequence: this.#lastSequence, text, bytes });
    this.#bytes += bytes;
    let forgotten = 0;
    while (this.#bytes > this.#maxBytes || this.#events.length - forgotten > MAX_EVENTS) {
      this.#bytes -= this.#events[forgotten]!.bytes;
      forgotten++;
    }
    if (forgotten > 0) this.#events = this.#events.slice(forgotten);
    return id;
  }

  /** @returns an id for the place where a stream is now, with nothing to be sent again */
  mark(stream: number): string {
    this.#lastSequence++;
    return `${stream}-${this.#lastSequence}`;
  }

  /** @returns what was sent on a stream after a place, as far as it is kept: of no other stream */
  after({ stream, sequence }: EventPlace): { id: string; text: string }[] {
    return this.#events
      .filter((event) => event.stream === stream && event.sequence > sequence)
      .map((event) => ({ id: `${stream}-${event.sequence}`, text: event.text }));
  }
}

/** @returns `undefined` for an id that no log has given out */
export function placeOf(id: string): EventPlace | undefined {
  const [, stream, sequence] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  if (stream === undefined) return undefined;
  return { stream: Number(stream), sequence: Number(sequence) };
}
