import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import { STDIO_TARGETS } from '../support/hostile-targets.ts';

const fixture = commandFixture();

const request = (id: unknown, method: unknown, params?: unknown): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;

/** What is no request; each ends a line. */
const REFUSED: readonly [what: string, sent: string | Buffer][] = [
  ['half a message', '{"jsonrpc":"2.0","id":1,"meth\n'],
  ['the other half', 'od":"ping"}\n'],
  ['bytes of zero', Buffer.alloc(1_000, '\0\n')],
  ['zeros before a message', `\0\0${request(2, 'ping')}`],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0xff, 0xfe, 0x22, 0x0a])],
  ['a byte order mark', `\u{FEFF}${request(3, 'ping')}`],
  ['ids of other types', [null, {}, [], true].map((id) => request(id, 'ping')).join('')],
  ['methods of other types', [null, 1, {}, []].map((name) => request(4, name)).join('')],
  ['params of other types', [1, 'text', [1]].map((params) => request(5, 'x/y', params)).join('')],
  ['brackets', `${'['.repeat(200_000)}\n${'{"a":'.repeat(100_000)}\n`],
  ['many empty lines', '\r\n'.repeat(1_000)],
  ['a large batch', `[${Array.from({ length: 1_000 }, () => request(6, 'ping').trim()).join()}]\n`],
  ['answers to nothing', request(7, undefined).repeat(100)],
  ['withdrawals', request(undefined, 'notifications/cancelled', { requestId: 'none' }).repeat(100)],
];

/** What is a request, with the code of its refusal. */
const ANSWERED: readonly [what: string, method: string, params: object, code: number][] = [
  ['an unknown method', 'resources/destroy', {}, -32_601],
  ['a name of Object', '__proto__', {}, -32_601],
  ['an empty method', '', {}, -32_601],
  ['a read without a URI', 'resources/read', {}, -32_602],
  ['a URI of another type', 'resources/read', { uri: { href: 'x' } }, -32_602],
  ['a cursor that nobody gave', 'resources/list', { cursor: '\0\u{D800}' }, -32_602],
];

describe.each(STDIO_TARGETS)('$name over stdio', ({ name, start }) => {
  it('goes on after what is no request [HOSTILE-STDIO]', async () => {
    const { command, uri, text } = await start(fixture);
    for (const [what, sent] of REFUSED) {
      command.child.stdin.write(sent);
      expect(await command.request(`after ${what}`, 'ping'), what).toMatchObject({ result: {} });
    }
    expect(await command.request('read', 'resources/read', { uri })).toMatchObject({
      result: { contents: [{ uri, text }] },
    });
    command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    expect(command.stderr).not.toMatch(/unhandled|uncaught|at .*\.js:\d+/i);
  });

  it('answers requests that cannot be met with the code of their error [HOSTILE-STDIO]', async () => {
    const { command } = await start(fixture);
    for (const [index, [what, method, params, code]] of ANSWERED.entries()) {
      // The SDK gives one page and looks at no cursor.
      if (method === 'resources/list' && name !== 'granary serve') continue;
      const id = `${index}: ${'long '.repeat(1_000)}`;
      const { error, id: answered } = (await command.request(id, method, params)) as {
        id: unknown;
        error: { code: number; message: string };
      };
      expect(answered).toBe(id);
      // The SDK itself takes params that fit no schema for a failure of its own.
      const codes = name === 'granary serve' ? [code] : [code, -32_603];
      expect(codes, what).toContain(error?.code);
      expect(error.message).not.toMatch(/at .*\.js:\d+|\/src\/|\/dist\//);
    }
  });

  it('answers requests that have one id, at least the last, and goes on [HOSTILE-STDIO]', async () => {
    const { command, uri, text } = await start(fixture);
    command.child.stdin.write(request('twice', 'ping').repeat(3));
    command.child.stdin.write(request('twice', 'resources/read', { uri }).repeat(3));
    const read = await until('the answer to a read', () =>
      command
        .messages()
        .find(({ id, result }) => id === 'twice' && Object.hasOwn(result ?? {}, 'contents')),
    );
    expect(read).toMatchObject({ result: { contents: [{ uri, text }] } });
    expect(await command.request('after', 'ping')).toMatchObject({ result: {} });
    command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    const answers = command.messages().filter(({ id }) => id === 'twice');
    expect(answers.length).toBeLessThanOrEqual(6);
    for (const answer of answers) expect(answer).not.toHaveProperty('error');
  });
});
