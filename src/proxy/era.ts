import { isObject, type Message } from './message.ts';

/** In `_meta` of every request since revision 2026-07-28, which has no session to keep it in. */
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
export const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
/** In `_meta` of what is sent on account of `subscriptions/listen`: the id of that request. */
export const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId';

/** What of `_meta` says nothing of the answer, or is told apart by `dialectOf`. */
const KNOWN_META: ReadonlySet<string> = new Set([
  VERSION_KEY,
  CAPABILITIES_KEY,
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/logLevel',
  'progressToken',
  // W3C Trace Context (SEP-414).
  'traceparent',
  'tracestate',
  'baggage',
]);

/** @returns the revision that a request names itself, since 2026-07-28; `undefined` on older ones. */
export function requestVersion({ meta }: Message): string | undefined {
  const version = meta[VERSION_KEY];
  return typeof version === 'string' ? version : undefined;
}

/**
 * What of a request besides its method and params a server may answer by: the revision, and since
 * 2026-07-28 what the client says that it can do.
 *
 * @param negotiated the revision of the session, on older ones
 * @returns `undefined` where there is something in `_meta` that nobody knows the meaning of
 */
export function dialectOf(message: Message, negotiated: string | undefined): string | undefined {
  const { meta } = message;
  if (!Object.keys(meta).every((key) => KNOWN_META.has(key))) return undefined;
  const version = requestVersion(message);
  if (version === undefined) return negotiated ?? '';
  return `${version} ${canonicalJson(meta[CAPABILITIES_KEY] ?? {})}`;
}

/** JSON with the keys of objects in order, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
