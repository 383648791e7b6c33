import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AnswerStore, type Asking, type Reply } from '../../src/proxy/answer-store.ts';
import { cacheableRequest, type CacheableRequest } from '../../src/proxy/cacheable-request.ts';
import { CachingRules, type CachingRule } from '../../src/proxy/caching-rules.ts';
import { Message, type Answer, type JsonObject } from '../../src/proxy/message.ts';
import { UpstreamError } from '../../src/proxy/upstream-error.ts';
import { deferred } from '../support/deferred.ts';

const MODERN = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };

function storeOf(rules: readonly CachingRule[] = [], failSafeMs = 0): AnswerStore {
  const bounds = { maxEntries: 1_000, maxBytes: 1_000_000, failSafeMs };
  return new AnswerStore({ rules: new CachingRules(60_000, rules), ...bounds });
}

function requestOf(method: string, params: JsonObject = {}, tools: string[] = []) {
  const version = '_meta' in params ? undefined : '2025-11-25';
  return cacheableRequest(Message.request(1, method, params), version, new Set(tools));
}

function readOf(uri: string, params: JsonObject = {}): CacheableRequest {
  const request = requestOf('resources/read', { uri, ...params });
  if (request === undefined) throw new Error(`${uri} is not cacheable`);
  return request;
}

function contentsOf(uri: string, text: string, more: JsonObject = {}): Answer {
  return { result: { contents: [{ uri, text }], ...more } };
}

function askingOf(
  partition: string | undefined,
  ask: Asking['ask'],
  isUpstreamUp = () => true,
): Asking {
  const signal = new AbortController().signal;
  return { partition, connection: partition ?? 'nobody', signal, isUpstreamUp, ask };
}

function resultOf(reply: Reply): JsonObject {
  if ('text' in reply) return JSON.parse(reply.text) as JsonObject;
  if ('error' in reply) throw new Error(reply.error.message);
  return reply.result;
}

describe('answers of the proxy', () => {
  it('are asked for once, however many ask [PROXY-CACHE]', async () => {
    using store = storeOf();
    const asked = deferred<Answer>();
    let times = 0;
    const ask = () => {
      times++;
      return asked.promise;
    };
    const replies = Array.from({ length: 50 }, () =>
      store.answer(readOf('a:1'), askingOf('one', ask)),
    );
    asked.resolve(contentsOf('a:1', 'x'));
    expect(new Set((await Promise.all(replies)).map((reply) => JSON.stringify(reply))).size).toBe(
      1,
    );
    expect(times).toBe(1);
  });

  it.each([
    ['private', undefined, {}],
    ['public by rule', 'public', {}],
    ['public by the server', 'hint', { ttlMs: 9_999, cacheScope: 'public' }],
  ])(
    'that change while they are under way are not kept: %s [PROXY-EVICT]',
    async (_, kind, hint) => {
      using store = storeOf(kind === 'public' ? [{ uris: 'a:*', public: true }] : []);
      const first = deferred<Answer>();
      const request = readOf('a:1', kind === 'hint' ? { _meta: MODERN } : {});
      const reply = store.answer(
        request,
        askingOf('one', () => first.promise),
      );
      store.dropUri('a:1');
      first.resolve(contentsOf('a:1', 'old', hint));
      await reply;
      const later = await store.answer(
        request,
        askingOf('one', () => Promise.resolve(contentsOf('a:1', 'new', hint))),
      );
      expect(resultOf(later)).toMatchObject({ contents: [{ text: 'new' }] });
    },
  );

  it('are dropped with the URIs of their parts, and with their list [PROXY-EVICT]', async () => {
    using store = storeOf();
    let version = 0;
    const ask = () => {
      version++;
      return Promise.resolve(contentsOf('a:folder/part', `${version}`));
    };
    const read = async () => resultOf(await store.answer(readOf('a:folder'), askingOf('one', ask)));
    const first = await read();
    expect(await read()).toEqual(first);
    store.dropUri('a:folder/part');
    const second = await read();
    expect(second).not.toEqual(first);
    store.dropGroup('resources');
    expect(await read()).not.toEqual(second);
    store.dropGroup('tools');
    expect(version).toBe(3);
  });

  it('go to nobody else, whatever is asked and dropped [PROXY-PRIVATE]', async () => {
    const partition = fc.constantFrom('ada', 'bob', undefined);
    const step = fc.record({
      partition,
      uri: fc.constantFrom('p:1', 'p:2', 's:1', 's:2', 'p:1\n["x"]'),
      scope: fc.constantFrom('private', 'public', undefined),
      drop: fc.constantFrom(undefined, undefined, 'uri', 'group', 'connection'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        using store = storeOf([{ uris: 's:*', public: true }]);
        const wasPublic = new Set<string>();
        await Promise.all(
          steps.map(async ({ partition: reader, uri, scope, drop }) => {
            const hint = scope === undefined ? {} : { ttlMs: 1_000, cacheScope: scope };
            if (scope === 'public') wasPublic.add(uri);
            const ask = () => Promise.resolve(contentsOf(uri, `for ${reader}`, hint));
            const request = readOf(uri, { _meta: MODERN });
            const reply = await store.answer(request, askingOf(reader, ask));
            const { contents } = resultOf(reply) as { contents: { text: string; uri: string }[] };
            expect(contents[0]?.uri).toBe(uri);
            const isShared = uri.startsWith('s:') || wasPublic.has(uri);
            if (!isShared) expect(contents[0]?.text).toBe(`for ${reader}`);
            if (drop === 'uri') store.dropUri(uri);
            if (drop === 'group') store.dropGroup('resources');
            if (drop === 'connection') store.dropConnection(reader ?? 'nobody');
          }),
        );
      }),
    );
  });

  it.each([
    [{ isError: true }],
    [{ resultType: 'input_required' }],
    [{ requestState: 'x' }],
    [{ inputRequests: {} }],
    [{ task: { taskId: '1' } }],
    [{ ttlMs: 0 }],
  ])('with %j are not kept [PROXY-CACHE]', async (more) => {
    using store = storeOf();
    let times = 0;
    const ask = () => {
      times++;
      return Promise.resolve(contentsOf('a:1', `${times}`, more));
    };
    for (const time of [1, 2]) {
      const reply = await store.answer(readOf('a:1'), askingOf('one', ask));
      expect(resultOf(reply)).toEqual({ contents: [{ uri: 'a:1', text: `${time}` }], ...more });
    }
    const error = { error: { code: -32_603, message: 'no' } };
    const failing = askingOf('two', () => Promise.resolve(error));
    expect(await store.answer(readOf('a:1'), failing)).toEqual(error);
    expect(resultOf(await store.answer(readOf('a:1'), askingOf('two', ask)))).toBeDefined();
  });

  it.each([
    ['resources/read', { uri: 'a:1', inputResponses: {} }],
    ['resources/read', { uri: 'a:1', _meta: { 'some.vendor/locale': 'de' } }],
    ['resources/read', {}],
    ['resources/list', { cursor: 7 }],
    ['tools/call', { name: 'unnamed' }],
    ['tools/call', { name: 'named', task: {} }],
    ['tools/call', { name: 'named', inputResponses: {} }],
    ['prompts/get', { name: 'x' }],
    ['toString', {}],
  ])('to %s with %j are not looked for [PROXY-CACHE]', (method, params) => {
    expect(requestOf(method, params, ['named'])).toBeUndefined();
  });

  it('differ by revision, capabilities, page and arguments, and by nothing else [PROXY-CACHE]', () => {
    const keys = [
      requestOf('tools/list'),
      requestOf('tools/list', { cursor: '2' }),
      requestOf('tools/list', { _meta: MODERN }),
      requestOf('tools/list', {
        _meta: { ...MODERN, 'io.modelcontextprotocol/clientCapabilities': { sampling: {} } },
      }),
      requestOf('prompts/list'),
      requestOf('tools/call', { name: 'named', arguments: { a: 1, b: 2 } }, ['named']),
      requestOf('tools/call', { name: 'named', arguments: { a: 2, b: 1 } }, ['named']),
    ].map((request) => request?.key);
    expect(new Set(keys).size).toBe(7);
    const same = requestOf('tools/call', { name: 'named', arguments: { b: 2, a: 1 } }, ['named']);
    expect(same?.key).toBe(keys[5]);
    const traced = { ...MODERN, traceparent: '00-1', progressToken: 7 };
    expect(requestOf('tools/list', { _meta: traced })?.key).toBe(keys[2]);
  });

  it('that have expired come only while the upstream is away, and not what has changed [PROXY-FAIL-SAFE]', async () => {
    using store = storeOf([{ uris: 'a:*', ttlMs: 1 }], 60_000);
    const gone = () => Promise.reject(new UpstreamError('it is gone'));
    const request = readOf('a:1', { _meta: MODERN });
    const hint = { ttlMs: 5_000, cacheScope: 'private' };
    const answer = contentsOf('a:1', 'x', hint);
    await store.answer(
      request,
      askingOf('one', () => Promise.resolve(answer)),
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    const stale = await store.answer(request, askingOf('one', gone));
    expect(resultOf(stale)).toMatchObject({
      ...{ contents: [{ text: 'x' }], ttlMs: 0, cacheScope: 'private' },
      _meta: { 'mcp-granary/stale': { reason: 'it is gone' } },
    });
    expect(await store.answer(request, askingOf('two', gone))).toHaveProperty('error');
    store.dropUri('a:1');
    expect(await store.answer(request, askingOf('one', gone))).toHaveProperty('error');
  });
});
