import type { Message, RequestId } from './message.ts';
import type { UpstreamError } from './upstream-error.ts';

/** What belongs to a message and is no part of it. */
export interface Envelope {
  /** HTTP headers of the client's that go on. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The request on whose account the upstream sent a message, where its transport tells. */
  readonly relatedTo?: RequestId | undefined;
}

/** What is told of an upstream. */
export interface UpstreamListener {
  message(message: Message, envelope: Envelope): void;
  /** Messages can be sent. @param isAgain whether it has forgotten all that it was told before */
  up(isAgain: boolean): void;
  /** Nothing of what was sent is answered any more. @param isFinal whether it will not come back */
  down(reason: string, isFinal: boolean): void;
  /** A request cannot be answered. @param mayRepeat whether asking again may help */
  failed(id: RequestId, error: UpstreamError, mayRepeat: boolean): void;
  /** A request was not sent after all, and the upstream is about to be `down`. */
  unsent(id: RequestId): void;
  /** What was sent is taken in again. */
  drained(): void;
}

/** The server in front of which the proxy stands, as one connection sees it. */
export interface Upstream {
  open(listener: UpstreamListener): void;
  /** Only while it is up. */
  send(message: Message, envelope: Envelope): void;
  /** Whether so much waits to be taken in that nothing more should be sent. */
  readonly isClogged: boolean;
  /** Takes nothing in until `resume`. */
  pause(): void;
  resume(): void;
  /** How it can be made to begin anew, where a session cannot be restored. */
  restart(reason: string): void;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}
