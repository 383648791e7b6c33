import { describe, expect, it } from 'vitest';

import { ConnectionLost, HandlerCalls, type Asker } from '../../src/mcp/handler-calls.ts';

const JSONRPC = '2.0' as const;

function askerOn(connection: object): Asker {
  return { connection, id: 1, isWaiting: () => true };
}

describe('HandlerCalls', () => {
  it('takes back the answers to its own calls alone, each once [CACHE-SERVER-IDS]', async () => {
    const calls = new HandlerCalls();
    const other = new HandlerCalls();
    const { id, answer } = calls.begin(askerOn({}));
    const response = { jsonrpc: JSONRPC, id, result: { n: 1 } };
    expect(other.settle(response)).toBe(false);
    for (const foreign of [1, 'granary-0', '']) {
      expect(calls.settle({ ...response, id: foreign })).toBe(false);
    }
    expect(calls.settle({ jsonrpc: JSONRPC, error: { code: 1, message: '' } })).toBe(false);
    expect(calls.settle(response)).toBe(true);
    expect(await answer).toEqual({ result: { n: 1 } });
    expect(calls.askerOf(id)).toBeUndefined();
  });

  it('keeps back what comes when nobody waits any more [CACHE-SERVER-IDS]', async () => {
    const calls = new HandlerCalls();
    const { id, answer } = calls.begin(askerOn({}));
    expect(calls.abandon(id, new Error('left'))).toBe(true);
    expect(calls.abandon(id, new Error('left'))).toBe(false);
    await expect(answer).rejects.toThrow('left');
    expect(calls.settle({ jsonrpc: JSONRPC, id, result: {} })).toBe(true);
  });

  it('loses the calls of a connection that closes, and no others [CACHE-SERVER-CLOSE]', async () => {
    const calls = new HandlerCalls();
    const [closing, staying] = [{}, {}];
    const lost = calls.begin(askerOn(closing));
    const kept = calls.begin(askerOn(staying));
    calls.abandonAllOf(closing);
    await expect(lost.answer).rejects.toBeInstanceOf(ConnectionLost);
    calls.settle({ jsonrpc: JSONRPC, id: kept.id, error: { code: 7, message: 'no' } });
    expect(await kept.answer).toEqual({ error: { code: 7, message: 'no' } });
  });
});
