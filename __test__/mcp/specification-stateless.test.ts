import { describe, expect, it } from 'vitest';

import {
  post,
  SPECIFIED_STATELESS,
  type SpecifiedMessage,
  specifiedServer,
} from '../support/specified-servers.ts';
import { ask, headersFor, listen, META, PREFIX } from '../support/stateless-requests.ts';

const TEXT = 'test://static-text';
const PROGRESSING = { name: 'test_tool_with_progress', arguments: {} };
const LACKING = { name: 'test_missing_capability', arguments: {} };
const CAPABILITIES = `${PREFIX}/clientCapabilities`;

/** What is refused for one reason or another. */
const REFUSED = [
  ['resources/read', { uri: 'test://missing' }],
  ['resources/read', {}],
  ['resources/destroy', {}],
  ['prompts/get', { name: 'missing' }],
  ['tools/call', LACKING],
] as const;

/** What is answered with a result, cached or not. */
const ANSWERED = [
  ['server/discover', {}],
  ['resources/read', { uri: TEXT }],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['tools/list', {}],
  ['prompts/list', {}],
  ['tools/call', { name: 'test_simple_text', arguments: {} }],
] as const;

/** Each of them twice: the second may come from the cache. */
async function answers(url: URL): Promise<[what: string, response: SpecifiedMessage][]> {
  const all: [string, SpecifiedMessage][] = [];
  for (const round of [1, 2]) {
    for (const [method, params] of ANSWERED) {
      all.push([`${method}, ${round}`, (await ask(url, method, params)).response]);
    }
  }
  return all;
}

async function refusals(url: URL): Promise<[what: string, response: SpecifiedMessage][]> {
  const all: [string, SpecifiedMessage][] = [];
  for (const [method, params] of REFUSED) {
    all.push([method, (await ask(url, method, params)).response]);
  }
  return all;
}

/** The codes of all of that, and of what has headers that disagree. */
async function codes(url: URL): Promise<number[]> {
  const found = (await refusals(url)).map(([, { error }]) => error?.code);
  for (const [method, params] of REFUSED) {
    const headers = { 'mcp-method': 'other' };
    found.push((await ask(url, method, params, { headers })).response.error?.code);
  }
  expect(found).not.toContain(undefined);
  return found as number[];
}

function without(key: string): object {
  return Object.fromEntries(Object.entries(META).filter(([name]) => name !== `${PREFIX}/${key}`));
}

async function progressOf(url: URL, progressToken: unknown) {
  const meta = { ...META, progressToken };
  const { messages } = await ask(url, 'tools/call', PROGRESSING, { meta });
  return {
    messages,
    told: messages.filter(({ method }) => method === 'notifications/progress'),
  };
}

describe.each(SPECIFIED_STATELESS)('of revision 2026-07-28, what servers MUST (%s):', (server) => {
  const started = specifiedServer(server);

  it('a result has the id of its request, from the cache too (basic, Result Responses) [SPEC-MUSTS]', async () => {
    for (const [what, { id }] of await answers(started())) expect(id, what).toBe('asked');
  });

  it('a result response has a result, and no error (basic, Result Responses) [SPEC-MUSTS]', async () => {
    for (const [what, response] of await answers(started())) {
      expect(response, what).toHaveProperty('result');
      expect(response, what).not.toHaveProperty('error');
    }
  });

  it('a result tells its type, from the cache too (basic, Result Responses) [SPEC-MUSTS]', async () => {
    for (const [what, { result }] of await answers(started())) {
      expect(result, what).toHaveProperty('resultType');
    }
  });

  it('types are those of the protocol (basic, ResultType) [SPEC-MUSTS]', async () => {
    const url = started();
    for (const [what, { result }] of await answers(url)) {
      expect(result?.['resultType'], what).toBe('complete');
    }
    const meta = { ...META, [CAPABILITIES]: { sampling: {} } };
    const { response } = await ask(url, 'tools/call', LACKING, { meta });
    expect(response.result?.['resultType']).toBe('input_required');
  });

  it('an error has the id of its request (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const [what, { id }] of await refusals(started())) expect(id, what).toBe('asked');
  });

  it('an error has a code and a message, and no result (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const [what, response] of await refusals(started())) {
      const { code, message } = response.error ?? {};
      expect([typeof code, typeof message], what).toEqual(['number', 'string']);
      expect(response, what).not.toHaveProperty('result');
    }
  });

  it('codes are integers (basic, Error Responses) [SPEC-MUSTS]', async () => {
    for (const [what, { error }] of await refusals(started())) {
      expect(Number.isInteger(error?.code), what).toBe(true);
    }
  });

  it('no new code from -32000 to -32019 (basic, Error Codes) [SPEC-MUSTS]', async () => {
    const found = await codes(started());
    expect(found.filter((code) => code <= -32_000 && code >= -32_019)).toEqual([]);
  });

  it('no undefined code from -32020 to -32099 (basic, Error Codes) [SPEC-MUSTS]', async () => {
    const reserved = (await codes(started())).filter((code) => code <= -32_020 && code >= -32_099);
    expect(reserved.length).toBeGreaterThan(0);
    for (const code of reserved) expect([-32_020, -32_021, -32_022]).toContain(code);
  });

  it('defined codes mean what they are defined for (basic, Error Codes) [SPEC-MUSTS]', async () => {
    const url = started();
    const headers = { 'mcp-method': 'other' };
    const disagreeing = await ask(url, 'resources/read', { uri: TEXT }, { headers });
    expect(disagreeing.response.error?.code).toBe(-32_020);
    expect((await ask(url, 'tools/call', LACKING)).response.error?.code).toBe(-32_021);
    const version = '2099-01-01';
    const unspoken = await ask(
      url,
      'resources/read',
      { uri: TEXT },
      {
        headers: { 'mcp-protocol-version': version },
        meta: { ...META, [`${PREFIX}/protocolVersion`]: version },
      },
    );
    expect(unspoken.response.error?.code).toBe(-32_022);
  });

  it('neither -32002 nor -32042 is sent (basic, Error Codes) [SPEC-MUSTS]', async () => {
    for (const code of await codes(started())) expect([-32_002, -32_042]).not.toContain(code);
  });

  it('no notification is answered, one that nobody knows neither (basic, Notifications) [SPEC-MUSTS]', async () => {
    for (const method of ['notifications/cancelled', 'notifications/unheard-of']) {
      const body = { jsonrpc: '2.0', method, params: { requestId: 'none', _meta: META } };
      const { text } = await post(started(), body, headersFor(method, {}));
      expect(text, method).toBe('');
    }
  });

  it('a notification has no id (basic, Notifications) [SPEC-MUSTS]', async () => {
    const { told } = await progressOf(started(), 17);
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) expect(message).not.toHaveProperty('id');
  });

  it('nothing is taken from requests before (basic, Statelessness) [SPEC-MUSTS]', async () => {
    const meta = { ...META, [CAPABILITIES]: { sampling: {} } };
    const declared = await ask(started(), 'tools/call', LACKING, { meta });
    expect(declared.response.result).toMatchObject({ resultType: 'input_required' });
    const bare = await ask(started(), 'tools/call', LACKING);
    expect(bare.response.error?.code).toBe(-32_021);
  });

  it('a request without a required field is refused with -32602, cached or not (basic, _meta) [SPEC-MUSTS]', async () => {
    const url = started();
    await ask(url, 'resources/read', { uri: TEXT });
    const meta = without('clientCapabilities');
    const { response } = await ask(url, 'resources/read', { uri: TEXT }, { meta });
    expect(response.error?.code).toBe(-32_602);
  });

  it.each(['protocolVersion', 'clientCapabilities'])(
    'a required field that is missing is 400 over HTTP, cached or not: %s (basic, _meta) [SPEC-MUSTS]',
    async (field) => {
      const url = started();
      await ask(url, 'resources/read', { uri: TEXT });
      const meta = without(field);
      const { status, response } = await ask(url, 'resources/read', { uri: TEXT }, { meta });
      expect(status).toBe(400);
      expect(response).not.toHaveProperty('result');
    },
  );

  it('no capability is used that was not declared (basic, _meta) [SPEC-MUSTS]', async () => {
    const { response } = await ask(started(), 'tools/call', LACKING);
    expect(response).toHaveProperty('error');
    expect(response).not.toHaveProperty('result');
  });

  it('a capability that is needed is named with -32021 (basic, _meta) [SPEC-MUSTS]', async () => {
    const { error } = (await ask(started(), 'tools/call', LACKING)).response;
    expect(error?.code).toBe(-32_021);
    expect(error?.data).toMatchObject({ requiredCapabilities: { sampling: {} } });
  });

  it('a capability that is needed and missing is 400 over HTTP (basic, _meta) [SPEC-MUSTS]', async () => {
    expect((await ask(started(), 'tools/call', LACKING)).status).toBe(400);
  });

  it('what is told to a subscription has its id (basic, _meta) [SPEC-MUSTS]', async () => {
    const url = started();
    const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
      await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
    });
    expect(messages).toHaveLength(2);
    for (const { params } of messages) {
      expect(params?.['_meta']).toMatchObject({ [`${PREFIX}/subscriptionId`]: 'asked' });
    }
  });

  it('a version that is not spoken is refused with those that are (versioning, Protocol Version Negotiation) [SPEC-MUSTS]', async () => {
    const version = '2099-01-01';
    const headers = { 'mcp-protocol-version': version };
    const meta = { ...META, [`${PREFIX}/protocolVersion`]: version };
    const { response } = await ask(started(), 'tools/list', {}, { headers, meta });
    expect(response.error?.code).toBe(-32_022);
    expect(response.error?.data?.['supported']).toContain('2026-07-28');
  });

  it('server/discover is there (versioning; server/discover) [SPEC-MUSTS]', async () => {
    const { response } = await ask(started(), 'server/discover');
    expect(response.result).toMatchObject({
      supportedVersions: expect.arrayContaining(['2026-07-28']),
    });
  });

  it('a cancellation that comes late does no harm (cancellation, Timing Considerations) [SPEC-MUSTS]', async () => {
    const url = started();
    await ask(url, 'resources/read', { uri: TEXT });
    const method = 'notifications/cancelled';
    const body = { jsonrpc: '2.0', method, params: { requestId: 'asked', _meta: META } };
    await post(url, body, headersFor(method, {}));
    const { response } = await ask(url, 'resources/read', { uri: TEXT });
    expect(response).toMatchObject({ id: 'asked', result: {} });
  });

  it('progress grows (progress, Progress Flow) [SPEC-MUSTS]', async () => {
    const { told } = await progressOf(started(), 17);
    const steps = told.map((message) => Number(message.params?.['progress']));
    expect(steps.length).toBeGreaterThan(1);
    expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
  });

  it('tokens are those of requests (progress, Behavior Requirements) [SPEC-MUSTS]', async () => {
    for (const progressToken of ['token', 17]) {
      const { told } = await progressOf(started(), progressToken);
      const tokens = new Set(told.map((message) => message.params?.['progressToken']));
      expect([...tokens]).toEqual([progressToken]);
    }
    const untold = await ask(started(), 'tools/call', PROGRESSING);
    expect(untold.response).toHaveProperty('result');
    expect(untold.text).not.toContain('notifications/progress');
  });

  it('progress ends with the request (progress, Implementation Notes) [SPEC-MUSTS]', async () => {
    const { messages, told } = await progressOf(started(), 17);
    expect(told.length).toBeGreaterThan(0);
    expect(messages.at(-1)).toHaveProperty('result');
  });
});
