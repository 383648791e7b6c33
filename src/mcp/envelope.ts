import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

/**
 * The `_meta` of requests of specification 2026-07-28, which carry what earlier revisions settled by
 * `initialize` (basic/versioning, "per-request envelope").
 */

/** Names of the envelope's fields. */
const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';
const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';
const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** The first revision without `initialize`; revisions are dates, which sort as text. */
const FIRST_STATELESS_REVISION = '2026-07-28';

const LOG_LEVELS: ReadonlySet<unknown> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]);

/** Where a trace goes on is of no concern to the answer (W3C Trace Context; SEP-414). */
const TRACE_KEYS: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

type Members = Readonly<Record<string, unknown>>;

/** Whether requests of a protocol version carry an envelope. */
export function isStateless(version: string | undefined): version is string {
  return version !== undefined && version >= FIRST_STATELESS_REVISION;
}

/**
 * Takes the envelope out of a request's `_meta`.
 *
 * @param revision what the connection speaks
 * @returns the rest; `undefined` for an envelope that the SDK might refuse: it is to say so itself
 */
export function withoutEnvelope(meta: unknown, revision: string): Members | undefined {
  if (!isMembers(meta)) return undefined;
  const {
    [PROTOCOL_VERSION]: version,
    [CLIENT_INFO]: info,
    [CLIENT_CAPABILITIES]: capabilities,
    [LOG_LEVEL]: logLevel,
    ...others
  } = meta;
  const isSound =
    version === revision &&
    (info === undefined || isImplementation(info)) &&
    areCapabilities(capabilities) &&
    (logLevel === undefined || LOG_LEVELS.has(logLevel));
  if (!isSound) return undefined;
  const rest = Object.entries(others).filter(
    ([key, value]) => !TRACE_KEYS.has(key) || typeof value !== 'string',
  );
  return Object.fromEntries(rest);
}

/** @returns what a client calls itself, which is the same in all of its requests */
export function clientOf({ params }: JSONRPCRequest): string | undefined {
  const { _meta: meta } = isMembers(params) ? params : {};
  const info = isMembers(meta) ? meta[CLIENT_INFO] : undefined;
  if (!isMembers(info)) return undefined;
  return JSON.stringify([info['name'], info['version']]);
}

/** @returns the revision that a request says it is written in, where that is one with envelopes */
export function revisionOf({ params }: JSONRPCRequest): string | undefined {
  const { _meta: meta } = isMembers(params) ? params : {};
  const version = isMembers(meta) ? meta[PROTOCOL_VERSION] : undefined;
  return typeof version === 'string' && isStateless(version) ? version : undefined;
}

function isImplementation(value: unknown): boolean {
  if (!isMembers(value)) return false;
  const { name, version, icons, ...texts } = value;
  const isNamed = typeof name === 'string' && typeof version === 'string';
  return (
    isNamed &&
    (icons === undefined || (Array.isArray(icons) && icons.every(isIcon))) &&
    Object.values(texts).every((text) => text === undefined || typeof text === 'string')
  );
}

function isIcon(value: unknown): boolean {
  if (!isMembers(value)) return false;
  const { src, sizes, theme, mimeType = '', ...others } = value;
  const isSized =
    sizes === undefined ||
    (Array.isArray(sizes) && sizes.every((size: unknown) => typeof size === 'string'));
  return (
    typeof src === 'string' &&
    isSized &&
    (theme === undefined || theme === 'light' || theme === 'dark') &&
    typeof mimeType === 'string' &&
    Object.keys(others).length === 0
  );
}

/** As they are in practice: by name, each an object of objects; what else the SDK takes is for it. */
function areCapabilities(value: unknown): boolean {
  return (
    isMembers(value) &&
    Object.values(value).every(
      (capability) => isMembers(capability) && Object.values(capability).every(isMembers),
    )
  );
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
