import { requestVersion } from './era.ts';
import type { Message } from './message.ts';

/** Where a request has the name that `Mcp-Name` tells (SEP-2243, SEP-2663). */
const NAMES: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const ENCODED = /^=\?base64\?(.*)\?=$/;

/** @returns the headers that a request since 2026-07-28 must have (SEP-2243); none for others */
export function standardHeaders(message: Message): Record<string, string> {
  const version = requestVersion(message);
  if (message.kind !== 'request' || version === undefined) return {};
  const name = nameOf(message);
  return {
    'mcp-protocol-version': version,
    'mcp-method': message.method,
    ...(name === undefined ? {} : { 'mcp-name': encodedValue(name) }),
  };
}

/**
 * @param header the value of a header of a request, `undefined` where it has none
 * @returns what disagrees between the headers of a request and its body; on older revisions nothing
 */
export function headerMismatch(
  message: Message,
  header: (name: string) => string | undefined,
): string | undefined {
  for (const [name, value] of Object.entries(standardHeaders(message))) {
    const given = header(name)?.trim();
    if (given === undefined) return `the header ${name} is missing`;
    if (decodedValue(given) !== decodedValue(value)) {
      return `the header ${name} disagrees with the body`;
    }
  }
  return undefined;
}

function nameOf({ method, params }: Message): string | undefined {
  const field = Object.hasOwn(NAMES, method) ? NAMES[method] : undefined;
  const name = field === undefined ? undefined : params[field];
  return typeof name === 'string' ? name : undefined;
}

/** What a header cannot hold as it is goes as Base64 (SEP-2243). */
function encodedValue(value: string): string {
  if (PLAIN.test(value) && !ENCODED.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

function decodedValue(value: string): string {
  const [, base64] = ENCODED.exec(value) ?? [];
  return base64 === undefined ? value : Buffer.from(base64, 'base64').toString();
}
