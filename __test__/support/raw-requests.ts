import * as fc from 'fast-check';

import type { WireResponse } from './wire-peers.ts';

/** Documents by URI, with all that JSON and UTF-8 spell in several ways. */
export const TEXTS: Readonly<Record<string, string>> = {
  'doc://plain': 'plain',
  'doc://escaped': '"\\\u0000\b\f\n\r\t\u007F\u2028\u2029</script>',
  'doc://ünï/日本語/𝒳?q=%20': 'ä 日本 𝒳 👩‍👩‍👧 \uFEFF',
  'doc://lone': 'a lone \uD800 surrogate \uDFFF',
  'doc://empty': '',
  'doc://long': 'é€𝒳'.repeat(20_000),
};
export const URIS = Object.keys(TEXTS);

/** As JSON would spell it, or with each character escaped, or as a client had it in mind. */
export const spelled = (text: string) =>
  fc.constantFrom(
    JSON.stringify(text),
    `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`,
    JSON.stringify(text).replaceAll('/', String.raw`\/`),
  );

/** Ids as they are spelled: those that the SDK takes, and others. */
const id = fc.oneof(
  { weight: 3, arbitrary: fc.integer().map(String) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary' }).chain(spelled) },
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    ...[
      '-0',
      '0',
      '1e2',
      '1.0',
      '9007199254740991',
      '-9007199254740991',
      '"\\ud800"',
      '"__proto__"',
    ],
    ...['9007199254740993', '1e400', '0.5', '-1.5e-7', 'null', 'true', '[]', '{}', '01'],
  ),
);
const method = fc.constantFrom(
  ...['"resources/read"', '"resources\\/read"', '"tools/list"', '"resources/list"', '"ping"'],
  ...['"resources/unknown"', '"/read"', '"prompts/list"', 'null', '7'],
);
/** @param params as they are spelled */
export const rawMessages = (params: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .record({
      id,
      method: fc.oneof({ weight: 6, arbitrary: fc.constant('"resources/read"') }, method),
      params: fc.option(params, { freq: 8, nil: undefined }),
      version: fc.oneof(
        { weight: 8, arbitrary: fc.constant('"2.0"') },
        fc.constantFrom('"1.0"', '2.0', 'null'),
      ),
      more: fc.oneof(
        { weight: 8, arbitrary: fc.constant('') },
        fc.constantFrom(',"id":77', ',"other":1', ',"method":"tools/list"', ',"__proto__":{}'),
      ),
      space: fc.constantFrom('', ' ', '\t', '\r'),
    })
    .map(
      (each) =>
        `${each.space}{"jsonrpc":${each.version},"id":${each.id},"method":${each.method}` +
        `${each.params === undefined ? '' : `,"params":${each.params}`}${each.more}}${each.space}`,
    );
/** Messages, batches, and what is neither, in bytes. */
export const rawBodies = (message: fc.Arbitrary<string>): fc.Arbitrary<Buffer> => {
  const text = fc.oneof(
    { weight: 8, arbitrary: message },
    fc
      .tuple(message, message)
      .filter(([one, other]) => idOf(one) !== idOf(other))
      .map(([one, other]) => `[${one},${other}]`),
    message.map((each) => each.slice(0, -1)),
    message.map((each) => `\uFEFF${each}`),
    fc.constantFrom('', '[]', 'null', '7', '{}', '{"jsonrpc":"2.0","method":"notifications/x"}'),
  );
  return fc.oneof(
    { weight: 8, arbitrary: text.map((each) => Buffer.from(each)) },
    message.map((each) => Buffer.from(each, 'latin1')),
  );
};

/** Messages, to be compared whatever their order. */
export function byText(messages: readonly unknown[]): string[] {
  return messages.map((each) => JSON.stringify(sorted(each))).toSorted();
}

/** Members of objects in one order: what JSON carries has none. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, each]) => [key, sorted(each)]);
}

/** What of an answer is the same however it was made. */
export function comparable({ status, headers: told, body }: WireResponse): unknown {
  // Whether a body comes in chunks or with its length depends on when the SDK has it.
  const { date: _, 'transfer-encoding': _encoding, ...lasting } = told;
  const { 'mcp-session-id': session, 'content-length': length, ...others } = lasting;
  const isEvents = body.startsWith('event: ');
  const messages = isEvents
    ? body.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
    : [body];
  return {
    status,
    others,
    hasSession: session !== undefined,
    isMeasured: Number(length) === Buffer.byteLength(body) || length === undefined,
    isEvents,
    // Those of a batch may be answered in any order (JSON-RPC 2.0, section 6).
    messages: messages
      .flatMap((each) =>
        each.startsWith('{') || each.startsWith('[') ? byText([JSON.parse(each)].flat()) : each,
      )
      .toSorted(),
  };
}

/** Two requests of one id under way at a time are another property's. */
export function idOf(line: Buffer | string): string {
  try {
    return JSON.stringify((JSON.parse(line.toString()) as { id?: unknown }).id);
  } catch {
    return line.toString();
  }
}
