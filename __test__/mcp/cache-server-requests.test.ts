import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { ReadResourceRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import { linkInMemory, newLowLevelServer, Peer } from '../support/mcp-peers.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

type Params = Record<string, unknown>;

/** Sends a request as it is, whatever the client's types would say. */
function send(peer: Peer, method: string, params: Params): Promise<unknown> {
  return peer.client.request({ method, params }, ResultSchema);
}

function read(peer: Peer, uri: string): Promise<unknown> {
  return send(peer, 'resources/read', { uri });
}

describe('cacheServer', () => {
  watchProcess();

  describe('loads once', () => {
    it('however many ask, each answered under its own id [CACHE-SERVER-SINGLE-FLIGHT]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      origin.gate = gate.promise;
      const server = origin.mcpServer();
      cacheServer(server);
      const peer = await RawPeer.link(server);
      const ids = [0, -1, 1, '1', '', 'ä', Number.MAX_SAFE_INTEGER, 'granary-0'];
      for (const id of ids) {
        await peer.write({ id, method: 'resources/read', params: { uri: 'own://1' } });
      }
      await settled();
      gate.resolve();
      await settled();
      expect(origin.calls).toBe(1);
      expect(peer.texts).toEqual(ids.map((id) => [id, '1: own://1 for nobody']));
    });

    it('and fails once for all who asked, but not for whoever asks later [CACHE-SERVER-SINGLE-FLIGHT] [CACHE-SERVER-ERRORS]', async () => {
      const server = newLowLevelServer({ capabilities: { resources: {} } });
      let calls = 0;
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
        if (++calls === 1)
          throw Object.assign(new Error('down'), { code: -32_050, data: { n: 1 } });
        return { contents: [{ uri: params.uri, text: 'up' }] };
      });
      cacheServer(server);
      const peer = await linkInMemory(server);
      const reads = [peer.text('a://1'), peer.text('a://1')];
      for (const outcome of await Promise.allSettled(reads)) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: -32_050, data: { n: 1 } },
        });
      }
      expect(calls).toBe(1);
      expect(await peer.text('a://1')).toBe('up');
    });

    it('for connections of several servers over one cache, also when the first of them goes [CACHE-SERVER-SINGLE-FLIGHT] [CACHE-SERVER-SHARED-CACHE]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      origin.gate = gate.promise;
      const cache = new ResourceCache();
      const peers = await Promise.all(
        [1, 2, 3].map(() => {
          const server = origin.mcpServer();
          cacheServer(server, { cache, public: ['docs://{x}'] });
          return linkInMemory(server);
        }),
      );
      const texts = peers.map((peer) => peer.text('docs://1').catch(() => 'gone'));
      await settled();
      expect(origin.calls).toBe(1);
      await peers[0]?.client.close();
      await settled();
      // One of those who are left has its own handler called, for both.
      expect(origin.calls).toBe(2);
      expect(origin.extras.map(({ signal }) => signal.aborted)).toEqual([true, false]);
      gate.resolve();
      const second = '2: docs://1 for nobody';
      expect(await Promise.all(texts)).toEqual(['gone', second, second]);
      expect(cache.size).toBe(1);
    });
  });

  describe('never keeps', () => {
    it.each([
      ['a result without what was asked for', { resources: [] }],
      ['a result of another form', { contents: 'text' }],
      ['isError', { isError: true, contents: [] }],
      ['a task', { contents: [], task: { taskId: '1' } }],
      ['a kind of result to come', { resultType: 'partial', contents: [] }],
      ['a wish for input', { contents: [], resultType: 'input_required', inputRequests: {} }],
      ['a state to go on from', { contents: [], requestState: 'x' }],
      ['what is no JSON', { contents: [], big: 1n }],
    ])('%s [CACHE-SERVER-ERRORS]', async (_, result) => {
      const server = newLowLevelServer({ capabilities: { resources: {} } });
      let calls = 0;
      server.setRequestHandler(ReadResourceRequestSchema, () => {
        calls++;
        return result;
      });
      const { cache } = cacheServer(server);
      const peer = await linkInMemory(server);
      for (let call = 1; call <= 2; call++) {
        expect(await read(peer, 'a://1')).toEqual(result);
        expect(calls).toBe(call);
      }
      expect(cache.size).toBe(0);
    });

    it('what is larger than the cache takes [CACHE-SERVER-ERRORS]', async () => {
      const origin = new CountedOrigin();
      const server = origin.mcpServer();
      const cache = new ResourceCache({ maxBytes: 20 });
      cacheServer(server, { cache });
      const peer = await linkInMemory(server);
      expect(await peer.text('own://1')).not.toBe(await peer.text('own://1'));
      expect([cache.size, origin.calls]).toEqual([0, 2]);
    });

    it('answers to params, _meta and members that it does not know [CACHE-SERVER-UNKNOWN]', async () => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      const caching = cacheServer(server);
      const peer = await linkInMemory(server);
      const unknown: readonly (readonly [string, Params])[] = [
        ['resources/read', { uri: 'a://1', inputResponses: {} }],
        ['resources/read', { uri: 'a://1', requestState: 'x' }],
        ['resources/read', { uri: 'a://1', cursor: 'x' }],
        ['resources/read', { uri: 'a://1', _meta: { tenant: 'x' } }],
        ['resources/read', { uri: 'a://1', _meta: { progressToken: 1, tenant: 'x' } }],
        ['resources/read', { uri: '' }],
        ['resources/read', { uri: `a://${'x'.repeat(8_192)}` }],
        ['resources/list', { uri: 'a://1' }],
        ['tools/list', { filter: 'x' }],
      ];
      for (let round = 0; round < 2; round++) {
        for (const [method, params] of unknown) await send(peer, method, params);
      }
      expect(origin.calls).toBe(2 * unknown.length);
      expect(caching.cache.size).toBe(0);
      expect(caching.stats().uncachedRequests).toBe(2 * unknown.length);
      for (const params of [{ uri: 7 }, { uri: null }, {}]) {
        await expect(send(peer, 'resources/read', params)).rejects.toMatchObject({
          message: expect.stringContaining('params') as string,
        });
      }
    });

    it('answers to what had inputResponses or a requestState (server/utilities/caching, Cache Key) [SPEC-MUSTS]', async () => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      const { cache } = cacheServer(server);
      const peer = await linkInMemory(server);
      for (const more of [{ inputResponses: { a: {} } }, { requestState: 'x' }]) {
        for (const _ of [1, 2]) await send(peer, 'resources/read', { uri: 'a://1', ...more });
      }
      expect([origin.calls, cache.size]).toEqual([4, 0]);
    });

    it('anything before the initialization is complete [CACHE-SERVER-UNKNOWN]', async () => {
      const origin = new CountedOrigin();
      const server = origin.mcpServer();
      const caching = cacheServer(server);
      const [near, far] = InMemoryTransport.createLinkedPair();
      const answers: JSONRPCMessage[] = [];
      near.onmessage = (message) => void answers.push(message);
      await server.connect(far);
      for (const id of [1, 2]) {
        await near.send({
          jsonrpc: '2.0',
          id,
          method: 'resources/read',
          params: { uri: 'own://1' },
        });
      }
      await settled();
      expect(answers).toHaveLength(2);
      expect([origin.calls, caching.stats().uncachedRequests]).toEqual([2, 2]);
    });
  });

  describe('on the way', () => {
    it('tells progress to whoever began the read, and to nobody once it has left [CACHE-SERVER-IDS]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      const server = newLowLevelServer({ capabilities: { resources: {} } });
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params }, extra) => {
        const { _meta: meta } = extra;
        const progress = (n: number): Promise<void> =>
          extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken: meta?.progressToken ?? '', progress: n },
          });
        await progress(1);
        await gate.promise;
        await progress(2);
        return { contents: [{ uri: params.uri, text: await origin.answer(params.uri, extra) }] };
      });
      cacheServer(server);
      const peer = await linkInMemory(server);
      const first: number[] = [];
      const leaving = new AbortController();
      const gone = peer.client
        .readResource(
          { uri: 'a://1' },
          { signal: leaving.signal, onprogress: ({ progress }) => void first.push(progress) },
        )
        .catch(() => 'gone');
      await settled();
      const second: number[] = [];
      const stays = peer.client.readResource(
        { uri: 'a://1' },
        { onprogress: ({ progress }) => void second.push(progress) },
      );
      const errors: Error[] = [];
      peer.client.onerror = (error) => void errors.push(error);
      await settled();
      leaving.abort();
      gate.resolve();
      expect(await gone).toBe('gone');
      expect((await stays).contents).toHaveLength(1);
      expect([first, second, errors, origin.calls]).toEqual([[1], [], [], 1]);
    });

    it('cancels the handler when the last who waits has cancelled, id 0 too [CACHE-SERVER-IDS]', async () => {
      const origin = new CountedOrigin();
      origin.gate = new Promise(() => {});
      const server = origin.mcpServer();
      cacheServer(server);
      const peer = await RawPeer.link(server);
      const cancel = (requestId: unknown): Promise<void> =>
        peer.write({ method: 'notifications/cancelled', params: { requestId, reason: 'enough' } });
      for (const id of [0, 'x']) {
        await peer.write({ id, method: 'resources/read', params: { uri: 'own://1' } });
      }
      await settled();
      await cancel('x');
      await cancel('unknown');
      await cancel(undefined);
      await settled();
      const [extra] = origin.extras;
      expect(extra?.signal.aborted).toBe(false);
      await cancel(0);
      await settled();
      expect(extra?.signal.aborted).toBe(true);
      expect(extra?.signal.reason).toBe('enough');
      expect(peer.received).toEqual([]);
      // Whoever asks now starts anew.
      origin.gate = Promise.resolve();
      await peer.write({ id: 0, method: 'resources/read', params: { uri: 'own://1' } });
      await settled();
      expect(peer.texts).toEqual([[0, '2: own://1 for nobody']]);
    });

    it('leaves to the SDK what it would not take up [CACHE-SERVER-IDS] [CACHE-SERVER-UNKNOWN]', async () => {
      const server = new CountedOrigin().mcpServer();
      const { cache } = cacheServer(server);
      const peer = await RawPeer.link(server);
      const ask = { method: 'resources/read', params: { uri: 'own://1' } };
      await peer.write({ ...ask, id: 1 });
      await settled();
      for (const odd of [
        { id: 1.5 },
        { id: null },
        { id: {} },
        { id: 2, more: true },
        { id: 2, jsonrpc: '1.0' },
        { id: 2, params: ['own://1'] },
        { id: 2, params: null },
      ]) {
        await peer.write({ ...ask, ...odd });
      }
      await settled();
      expect(peer.texts.map(([id]) => id)).toEqual([1]);
      expect(cache.stats().hits).toBe(0);
    });

    it('answers a duplicate id once, for the later request [CACHE-SERVER-IDS]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      origin.gate = gate.promise;
      const server = origin.lowLevelServer();
      cacheServer(server);
      const peer = await RawPeer.link(server);
      // The first two of each id are replaced, also one that the SDK has taken up itself.
      await peer.write({ id: 1, method: 'resources/read', params: { uri: 'a://1' } });
      await peer.write({ id: 1, method: 'resources/read', params: { uri: 'a://2' } });
      await peer.write({ id: 2, method: 'resources/read', params: { uri: 'a://3', extra: 1 } });
      await peer.write({ id: 2, method: 'resources/read', params: { uri: 'a://4' } });
      await settled();
      gate.resolve();
      await settled();
      expect(peer.texts.map(([id, text]) => [id, String(text).split(' ')[1]])).toEqual([
        [1, 'a://2'],
        [2, 'a://4'],
      ]);
    });

    it('lets what a handler asks of its client go to that client [CACHE-SERVER-IDS]', async () => {
      const server = newLowLevelServer({ capabilities: { resources: {}, logging: {} } });
      const options: unknown[] = [];
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params }, extra) => {
        await extra.sendNotification({
          method: 'notifications/message',
          params: { level: 'info', data: 'on it' },
        });
        return { contents: [{ uri: params.uri, text: 'done' }] };
      });
      cacheServer(server);
      const [near, far] = InMemoryTransport.createLinkedPair();
      const sendFar = far.send.bind(far);
      far.send = (message, given) => {
        if ('method' in message) options.push(given);
        return sendFar(message, given);
      };
      await server.connect(far);
      const peer = new Peer();
      await peer.client.connect(near);
      expect(await peer.text('a://1')).toBe('done');
      // The request's own id, by which an HTTP transport finds the stream.
      expect(options).toEqual([{ relatedRequestId: 1 }]);
    });
  });
});
