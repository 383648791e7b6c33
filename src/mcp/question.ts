import type { JSONRPCRequest, Result } from '@modelcontextprotocol/sdk/types.js';

import { withoutEnvelope } from './envelope.ts';
import type { MethodGroup } from './method-group.ts';
import { calledIn } from './tool-call.ts';

/** The methods whose answers are cached, calls of tools only by name, the list that each belongs to, and what each answers with. */
const METHODS = {
  'resources/read': { group: 'resources', items: 'contents' },
  'resources/list': { group: 'resources', items: 'resources' },
  'resources/templates/list': { group: 'resources', items: 'resourceTemplates' },
  'tools/list': { group: 'tools', items: 'tools' },
  'prompts/list': { group: 'prompts', items: 'prompts' },
  'tools/call': { group: 'tools', items: 'content' },
} as const satisfies Readonly<Record<string, { group: MethodGroup; items: string }>>;

/** Keys are not weighed, so that what goes into one is bounded here; in characters. */
const MAX_SUBJECT_LENGTH = 8_192;

/** What is asked, whoever asks it: the same question has the same answer. */
export interface Question {
  readonly method: keyof typeof METHODS;
  /** The URI of a read, the cursor of a page of a list, name and arguments of a call. */
  readonly subject: string | undefined;
  /** The revision from 2026-07-28 on that answers are for, which look otherwise than before. */
  readonly revision?: string | undefined;
  /** The name of the tool that is called. */
  readonly tool?: string | undefined;
}

/** @returns the group of a method whose answers may be cached. */
export function groupOfMethod(method: unknown): MethodGroup | undefined {
  return isCached(method) ? METHODS[method].group : undefined;
}

/** @returns what a result answers a question with, `undefined` where it does not. */
export function itemsOf({ method }: Question, result: Result): readonly unknown[] | undefined {
  const items = result[METHODS[method].items];
  return Array.isArray(items) ? items : undefined;
}

/** @returns the URI that a request wants to read, if it is one that does. */
export function readUriOf({ method, params }: JSONRPCRequest): string | undefined {
  const uri = method === 'resources/read' ? params?.['uri'] : undefined;
  return typeof uri === 'string' ? uri : undefined;
}

/**
 * @param revision what the connection speaks, from 2026-07-28 on
 * @param isCachedTool whether calls of a tool are cached
 * @returns what a request asks, where all that may affect its answer is known: `undefined` for other
 *   methods, params or `_meta` than those of the specification, and for what the SDK would refuse.
 */
export function questionOf(
  request: JSONRPCRequest,
  revision?: string,
  isCachedTool: (name: string) => boolean = () => false,
): Question | undefined {
  const { method } = request;
  if (!isCached(method) || !isRegular(request)) return undefined;
  const params: Record<string, unknown> = request.params ?? {};
  const meta = params['_meta'];
  const ownMeta = revision === undefined ? meta : withoutEnvelope(meta, revision);
  if (revision !== undefined && ownMeta === undefined) return undefined;
  if (!isProgressOnly(ownMeta)) return undefined;
  const spoken = revision === undefined ? {} : { revision };
  if (method === 'tools/call') {
    const { _meta: _, ...called } = params;
    const call = calledIn(called);
    if (call === undefined || call.subject.length > MAX_SUBJECT_LENGTH) return undefined;
    return isCachedTool(call.tool) ? { method, ...call, ...spoken } : undefined;
  }
  const subject = subjectIn(method, params);
  if (subject === undefined || (subject?.length ?? 0) > MAX_SUBJECT_LENGTH) return undefined;
  return { method, subject: subject ?? undefined, ...spoken };
}

/** @returns `null` for the first page of a list; `undefined` for params that say more */
function subjectIn(method: string, params: Record<string, unknown>): string | null | undefined {
  const isRead = method === 'resources/read';
  const name = isRead ? 'uri' : 'cursor';
  // In a loop: this is done for every hit.
  for (const key in params) if (key !== name && key !== '_meta') return undefined;
  const subject = params[name];
  if (subject === undefined) return isRead ? undefined : null;
  if (typeof subject !== 'string') return undefined;
  return isRead && subject === '' ? undefined : subject;
}

function isCached(method: unknown): method is keyof typeof METHODS {
  return typeof method === 'string' && Object.hasOwn(METHODS, method);
}

/** As the SDK checks it: what it would not take up is not answered in its place. */
function isRegular(request: JSONRPCRequest): boolean {
  const { jsonrpc, id, params } = request;
  const isId = typeof id === 'string' || Number.isSafeInteger(id);
  const isParams = params === undefined || isPlainObject(params);
  if (jsonrpc !== '2.0' || !isId || !isParams) return false;
  for (const key in request) if (!isRequestKey(key)) return false;
  return true;
}

function isRequestKey(key: string): boolean {
  return key === 'jsonrpc' || key === 'id' || key === 'method' || key === 'params';
}

/** Progress is told to whoever began a read; it changes nothing of the answer. */
function isProgressOnly(meta: unknown): boolean {
  if (meta === undefined) return true;
  if (!isPlainObject(meta)) return false;
  const { progressToken: token, ...others } = meta;
  const isToken = token === undefined || typeof token === 'string' || Number.isSafeInteger(token);
  return isToken && Object.keys(others).length === 0;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
