import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { headerMismatch, standardHeaders } from '../../src/proxy/http-headers.ts';
import { MessageLines, responseIdOf, type DroppedLine } from '../../src/proxy/message-lines.ts';
import { Message, parseMessages } from '../../src/proxy/message.ts';

function linesOf(text: string, maxBytes: number, cuts: readonly number[]) {
  const bytes = Buffer.from(text);
  const lines: string[] = [];
  const dropped: DroppedLine[] = [];
  const cutter = new MessageLines(
    maxBytes,
    (line) => lines.push(line),
    (line) => dropped.push(line),
  );
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].toSorted(
    (a, b) => a - b,
  );
  for (const [index, place] of places.entries()) {
    cutter.push(bytes.subarray(places[index - 1] ?? 0, place));
  }
  return { lines, dropped };
}

describe('messages of the proxy', () => {
  it('are whole lines, wherever they are cut, and none that is too long [PROXY-BOUNDED]', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 40 })
      .map((text) => text.replaceAll(/\s/gu, '_'));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
        const read = linesOf(lines.map((one) => `${one}\n`).join(''), 60, cuts);
        const short = lines.filter((one) => Buffer.byteLength(one) <= 60 && one !== '');
        const expected = short.map((one) => Buffer.from(one).toString());
        expect(read.lines).toEqual(expected);
        expect(read.dropped.length).toBe(lines.filter((one) => Buffer.byteLength(one) > 60).length);
      }),
    );
  });

  it.each([
    ['{"jsonrpc":"2.0","id":7,"result":{"x":"LONG"}}', 7],
    ['{"result":{"x":"LONG"},"jsonrpc":"2.0","id":"seven"}', 'seven'],
    ['{"result":{"x":"LONG"},"id":7,"jsonrpc":"2.0"}', 7],
    ['{"jsonrpc":"2.0","method":"x","params":{"x":"LONG"},"id":7}', undefined],
    ['LONG', undefined],
  ])('that are too long tell their id where they can: %s [PROXY-BOUNDED]', (text, id) => {
    for (const cuts of [[], [10, 300, 1_000, 4_998]]) {
      const long = text.replace('LONG', 'x'.repeat(5_000));
      const { dropped } = linesOf(`${long}\n{}\n`, 1_000, cuts);
      expect(dropped.map(responseIdOf)).toEqual([id]);
    }
  });

  it('go on as they came, integers beyond 2⁵³ included [PROXY-PASS]', () => {
    const text = '{"jsonrpc":"2.0", "id":1,"method":"x","params":{"n":12345678901234567890}}';
    expect(parseMessages(text).map((message) => message.text)).toEqual([text]);
    expect(Message.parse(text.replace(' ', '\n')).text).not.toContain('\n');
  });

  it.each([
    '[]',
    '7',
    '{}',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","id":null,"method":"x"}',
    '[1]',
  ])('are none: %s [PROXY-BOUNDED]', (text) => {
    expect(() => parseMessages(text)).toThrow(Error);
  });

  it('since 2026-07-28 have headers that agree with them, whatever is named [PROXY-GUARD]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (uri) => {
        const params = { uri, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } };
        const message = Message.request(1, 'resources/read', params);
        const headers = standardHeaders(message);
        for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7E]*$/);
        expect(headerMismatch(message, (name) => headers[name])).toBeUndefined();
        const wrong = { ...headers, 'mcp-name': `${headers['mcp-name']}x` };
        expect(headerMismatch(message, (name) => wrong[name as never])).toContain('mcp-name');
        expect(headerMismatch(message, () => undefined)).toContain('is missing');
      }),
    );
    const older = Message.request(1, 'ping');
    expect(headerMismatch(older, () => undefined)).toBeUndefined();
  });
});
