import type { MethodGroup } from '../mcp/method-group.ts';
import { groupOfMethod } from '../mcp/question.ts';
import { canonicalJson, dialectOf, requestVersion } from './era.ts';
import { isObject, type JsonObject, type Message } from './message.ts';

/** A request whose answer may be kept: the same key, the same answer. */
export interface CacheableRequest {
  readonly method: string;
  readonly group: MethodGroup;
  /** Of a read. */
  readonly uri: string | undefined;
  /** Everything that the answer may depend on, besides who asks. */
  readonly key: string;
  /** Whether answers carry `ttlMs` and `cacheScope` (SEP-2549). */
  readonly hasHints: boolean;
}

/** Keys are not weighed, so that what goes into one is bounded here; in characters. */
const MAX_KEY_LENGTH = 16_384;

/** Where the answer to a method has what was asked for. */
const ITEMS: Readonly<Record<string, string>> = {
  'resources/read': 'contents',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'tools/call': 'content',
};

/**
 * @param negotiated the revision of the session, on revisions before 2026-07-28
 * @param tools those whose calls are cached
 * @returns `undefined` where the answer may depend on something that is not known, and for retries
 *   with what the client was asked for, whose results must not be cached (SEP-2549)
 */
export function cacheableRequest(
  message: Message,
  negotiated: string | undefined,
  tools: ReadonlySet<string>,
): CacheableRequest | undefined {
  const { method } = message;
  const group = method === 'tools/call' ? 'tools' : groupOfMethod(method);
  const given = message.body['params'];
  if (group === undefined || (given !== undefined && !isObject(given))) return undefined;
  const subject = subjectOf(message, tools);
  const dialect = dialectOf(message, negotiated);
  if (subject === undefined || dialect === undefined) return undefined;
  const key = JSON.stringify([method, dialect, subject]);
  if (key.length > MAX_KEY_LENGTH) return undefined;
  const hasHints = requestVersion(message) !== undefined && method !== 'tools/call';
  const uri = method === 'resources/read' ? subject : undefined;
  return { method, group, uri, key, hasHints };
}

/** @returns the URI of the read that has a key */
export function readUriOf(key: string): string | undefined {
  if (!key.startsWith('["resources/read",')) return undefined;
  return (JSON.parse(key) as readonly string[])[2];
}

/** What is asked about: a URI, a cursor or `''`, a tool with its arguments. */
function subjectOf({ method, params }: Message, tools: ReadonlySet<string>): string | undefined {
  const { _meta: _, ...asked } = params;
  if (method === 'tools/call') {
    const { name, arguments: given = {}, ...others } = asked;
    const isPlain = Object.keys(others).length === 0;
    if (!isPlain || typeof name !== 'string' || !tools.has(name)) return undefined;
    return `${name} ${canonicalJson(given)}`;
  }
  const isRead = method === 'resources/read';
  const { [isRead ? 'uri' : 'cursor']: subject = isRead ? undefined : '', ...others } = asked;
  if (Object.keys(others).length > 0) return undefined;
  return typeof subject === 'string' && (subject !== '' || !isRead) ? subject : undefined;
}

/** Whether a result is whole and a success: what wants input, is a task or an error is not kept. */
export function isKeepable({ method }: CacheableRequest, result: JsonObject): boolean {
  const { isError, task, resultType = 'complete', inputRequests, requestState } = result;
  const isWhole = Array.isArray(result[ITEMS[method] ?? '']) && resultType === 'complete';
  const isAsking = inputRequests !== undefined || requestState !== undefined;
  return isWhole && !isAsking && task === undefined && (isError ?? false) === false;
}

/** The URIs under which a read has brought parts, such as the files of a folder. */
export function partUris({ method }: CacheableRequest, result: JsonObject): readonly string[] {
  if (method !== 'resources/read') return [];
  return (result['contents'] as unknown[]).flatMap((part) =>
    isObject(part) && typeof part['uri'] === 'string' ? [part['uri']] : [],
  );
}
