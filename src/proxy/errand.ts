import type { Message, RequestId } from './message.ts';
import type { Envelope } from './upstream.ts';
import type { UpstreamError } from './upstream-error.ts';

/** A request that the upstream is to answer. */
export interface Errand {
  readonly message: Message;
  readonly envelope: Envelope;
  /** The client's own id of it: what the upstream says on its account is for that request. */
  readonly origin: RequestId | undefined;
  /** Whether it waits for an upstream that is away, before it was sent. */
  readonly waits: boolean;
  /** How often it may be sent once more to an upstream that went away without an answer. */
  repeats: number;
  /** Whether the upstream may have asked the client on its account. */
  hasAsked: boolean;
  readonly settle: (response: Message) => void;
  readonly fail: (error: UpstreamError) => void;
}

/** How often what changes nothing is sent once more. */
export const REPEATS = 2;

/** Methods that change nothing, so that asking twice does no harm. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'subscriptions/listen',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'tools/list',
  'completion/complete',
  'logging/setLevel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
]);

export function repeatsOf(method: string): number {
  return REPEATABLE.has(method) ? REPEATS : 0;
}
