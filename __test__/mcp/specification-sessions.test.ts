import { describe, expect, it } from 'vitest';

import { type SpecifiedAnswer, SPECIFIED, specifiedServer } from '../support/specified-servers.ts';
import { SpecifiedSession } from '../support/specified-session.ts';

const REVISION = '2025-11-25';
const TEXT = 'test://static-text';
const READ = { jsonrpc: '2.0', method: 'resources/read', params: { uri: TEXT } };
const PROGRESSING = { name: 'test_tool_with_progress', arguments: {} };
const LATE_CANCELLATION = {
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId: 99 },
};

/** What is refused for one reason or another. */
const REFUSED = [
  ['resources/read', { uri: 'test://missing' }],
  ['resources/read', {}],
  ['resources/destroy', {}],
  ['prompts/get', { name: 'missing' }],
] as const;

/** Asks for each of those twice, as a cache might keep the first answer. */
async function refusals(
  session: SpecifiedSession,
): Promise<{ id: string; response: SpecifiedAnswer['response'] }[]> {
  const all = [];
  for (const [method, params] of REFUSED) {
    for (const round of [1, 2]) {
      const id = `${method} ${round}`;
      all.push({ id, response: (await session.ask(method, params, id)).response });
    }
  }
  return all;
}

/** What is told of progress, and the answer. */
async function progressOf(session: SpecifiedSession, progressToken: unknown) {
  const { messages } = await session.ask('tools/call', {
    ...PROGRESSING,
    _meta: { progressToken },
  });
  return {
    messages,
    told: messages.filter(({ method }) => method === 'notifications/progress'),
  };
}

describe.each(SPECIFIED)('of revision 2025-11-25, what servers MUST (%s):', (server) => {
  const url = specifiedServer(server);
  const open = (protocolVersion?: string): Promise<SpecifiedSession> =>
    SpecifiedSession.open(url(), protocolVersion);

  it('a request has a string or an integer for its id (basic, Requests) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const id of [1.5, {}, [1], true]) {
      const answer = await session.send({ ...READ, id });
      expect(answer.text, JSON.stringify(id)).not.toContain('"result"');
    }
    for (const id of [7, 'seven']) {
      expect((await session.send({ ...READ, id })).response, String(id)).toHaveProperty('result');
    }
  });

  it('no request has null for its id (basic, Requests) [SPEC-MUSTS]', async () => {
    const session = await open();
    await session.ask('resources/read', { uri: TEXT });
    expect((await session.send({ ...READ, id: null })).text).not.toContain('"result"');
  });

  it('a result has the id of its request, from the cache too (basic, Result Responses) [SPEC-MUSTS]', async () => {
    const session = await open();
    const ids = [0, 7, 2 ** 53 - 1, -1, '', '0', 'ünïcode', 'with "quotes" and \\'];
    for (const id of ids) {
      const { response } = await session.ask('resources/read', { uri: TEXT }, id);
      expect(response.id, String(id)).toBe(id);
    }
  });

  it('a result response has a result, and no error (basic, Result Responses) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const method of ['resources/list', 'tools/list', 'prompts/list', 'ping']) {
      for (const round of [1, 2]) {
        const { response } = await session.ask(method);
        expect(response, `${method} ${round}`).toHaveProperty('result');
        expect(response).not.toHaveProperty('error');
      }
    }
  });

  it('an error has the id of its request (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const { id, response } of await refusals(await open())) expect(response.id).toBe(id);
  });

  it('an error has a code and a message, and no result (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const { id, response } of await refusals(await open())) {
      const { code, message } = response.error ?? {};
      expect([typeof code, typeof message], id).toEqual(['number', 'string']);
      expect(response, id).not.toHaveProperty('result');
    }
  });

  it('codes are integers (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const { id, response } of await refusals(await open())) {
      expect(Number.isInteger(response.error?.code), id).toBe(true);
    }
  });

  it('no notification is answered, one that nobody knows neither (basic, Notifications) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const method of ['notifications/initialized', 'notifications/unheard-of']) {
      expect((await session.send({ jsonrpc: '2.0', method })).text, method).toBe('');
    }
  });

  it('a notification has no id (basic, Notifications) [SPEC-MUSTS]', async () => {
    const { told } = await progressOf(await open(), 1);
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) expect(message).not.toHaveProperty('id');
  });

  it('initialize is answered with capabilities and information (lifecycle, Initialization) [SPEC-MUSTS]', async () => {
    expect((await open()).opening.response.result).toMatchObject({
      capabilities: expect.any(Object),
      serverInfo: { name: expect.any(String), version: expect.any(String) },
    });
  });

  it.each([REVISION, '2025-06-18', '2024-11-05'])(
    'a supported version is answered with itself: %s (lifecycle, Version Negotiation) [SPEC-MUSTS]',
    async (asked) => {
      const { result } = (await open(asked)).opening.response;
      expect(result?.['protocolVersion']).toBe(asked);
    },
  );

  it('another version is answered with a supported one (lifecycle, Version Negotiation) [SPEC-MUSTS]', async () => {
    const offered = (await open('1999-01-01')).opening.response.result?.['protocolVersion'];
    expect(offered).not.toBe('1999-01-01');
    const again = await open(String(offered));
    expect(again.opening.response.result?.['protocolVersion']).toBe(offered);
  });

  it('a cancellation that comes late does no harm (cancellation, Timing Considerations) [SPEC-MUSTS]', async () => {
    const session = await open();
    await session.ask('resources/read', { uri: TEXT }, 99);
    await session.send(LATE_CANCELLATION);
    const { response } = await session.ask('resources/read', { uri: TEXT }, 100);
    expect(response).toMatchObject({ id: 100, result: {} });
  });

  it('a ping is answered at once with nothing (utilities/ping) [SPEC-MUSTS]', async () => {
    const { response } = await (await open()).ask('ping', {}, 'p');
    expect(response).toEqual({ jsonrpc: '2.0', id: 'p', result: {} });
  });

  it('progress grows (utilities/progress, Progress Flow) [SPEC-MUSTS]', async () => {
    const { told } = await progressOf(await open(), 'token');
    const steps = told.map((message) => Number(message.params?.['progress']));
    expect(steps.length).toBeGreaterThan(1);
    expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
  });

  it('tokens are those of requests (utilities/progress, Behavior Requirements) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const progressToken of ['token', 17]) {
      const { told } = await progressOf(session, progressToken);
      const tokens = new Set(told.map((message) => message.params?.['progressToken']));
      expect([...tokens]).toEqual([progressToken]);
    }
    const untold = await session.ask('tools/call', PROGRESSING);
    expect(untold.response).toHaveProperty('result');
    expect(untold.text).not.toContain('notifications/progress');
  });

  it('progress ends with the request (utilities/progress, Implementation Notes) [SPEC-MUSTS]', async () => {
    const { messages, told } = await progressOf(await open(), 'token');
    expect(told.length).toBeGreaterThan(0);
    expect(messages.at(-1)).toHaveProperty('result');
  });
});
