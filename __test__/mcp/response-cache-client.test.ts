import type { Client } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import {
  GranaryResponseCacheStore,
  type ResponseCacheStoreOptions,
} from '../../src/mcp/response-cache-store.ts';
import { deferred } from '../support/deferred.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { HintedServer, textOf } from '../support/v2-peers.ts';

const DAY: { readonly ttlMs: number; readonly cacheScope: 'private' } = {
  ttlMs: 86_400_000,
  cacheScope: 'private',
};

function open(options?: ResponseCacheStoreOptions): GranaryResponseCacheStore {
  const store = new GranaryResponseCacheStore(options);
  onTestFinished(() => store.close());
  return store;
}

afterEach(() => {
  vi.useRealTimers();
});

async function read(client: Pick<Client, 'readResource'>, uri = 'docs://1'): Promise<unknown> {
  return textOf(await client.readResource({ uri }));
}

describe('a client of SDK 2 with a granary store', () => {
  watchProcess();

  it('asks once for as long as the server says [RESPONSE-STORE-HINTS]', async () => {
    // The client's clock is Date; all else goes on by itself.
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    const server = new HintedServer({ hint: { ttlMs: 5_000, cacheScope: 'private' } });
    const store = open({ clock: { now: () => Date.now() } });
    const client = await server.connect({ responseCacheStore: store });
    for (let n = 0; n < 3; n++) {
      expect(await read(client)).toBe('version 1');
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['count']);
    }
    expect(server.requests).toEqual(['docs://1', 'tools/list']);
    server.version = 2;
    vi.setSystemTime(1_004_999);
    expect(await read(client)).toBe('version 1');
    vi.setSystemTime(1_005_001);
    expect(await read(client)).toBe('version 2');
    await client.listTools();
    expect(server.requests).toEqual(['docs://1', 'tools/list', 'docs://1', 'tools/list']);
    expect(store.stats()).toMatchObject({ hits: 5, staleHits: 1, writes: 4, size: 2 });
  });

  it('asks every time where the server allows nothing, and keeps the tools for calls [RESPONSE-STORE-HINTS]', async () => {
    const server = new HintedServer({ hint: { ttlMs: 0 } });
    const store = open();
    const client = await server.connect({ responseCacheStore: store });
    for (let n = 0; n < 2; n++) {
      await read(client);
      await client.listTools();
    }
    expect(server.requests).toEqual(['docs://1', 'tools/list', 'docs://1', 'tools/list']);
    expect(store.stats()).toMatchObject({ size: 1, hits: 0, staleHits: 1 });
    await client.callTool({ name: 'count' });
    expect(store.stats().staleHits).toBeGreaterThan(1);
  });

  it('finds what is private for its own user alone, what is public for all [RESPONSE-STORE-PARTITIONS]', async () => {
    const store = open();
    for (const cacheScope of ['private', 'public'] as const) {
      const server = new HintedServer({ name: cacheScope, hint: { ttlMs: 60_000, cacheScope } });
      const users = await Promise.all(
        ['ann', 'ann', 'bob'].map((cachePartition) =>
          server.connect({ responseCacheStore: store, cachePartition }),
        ),
      );
      const texts: unknown[] = [];
      for (const user of users) {
        texts.push(await read(user));
        server.version++;
      }
      const isPrivate = cacheScope === 'private';
      expect(texts).toEqual(['version 1', 'version 1', isPrivate ? 'version 3' : 'version 1']);
      expect(server.requests).toHaveLength(isPrivate ? 2 : 1);
    }
  });

  it('is not told what another server said, nor one of the same name in another namespace [RESPONSE-STORE-PARTITIONS]', async () => {
    const cache = new ResourceCache({ maxEntries: 1_000 });
    onTestFinished(() => cache.close());
    const hint = { ttlMs: 60_000, cacheScope: 'public' } as const;
    const texts: unknown[] = [];
    for (const [name, namespace] of [
      ['documents', 'a'],
      ['other', 'a'],
      ['documents', 'b'],
    ] as const) {
      const server = new HintedServer({ name, hint, textOf: () => `${name} of ${namespace}` });
      const client = await server.connect({ responseCacheStore: open({ cache, namespace }) });
      texts.push(await read(client));
    }
    expect(texts).toEqual(['documents of a', 'other of a', 'documents of b']);
  });

  it('asks anew for what the server says has changed, and for nothing else [RESPONSE-STORE-CHANGES]', async () => {
    const server = new HintedServer({ hint: DAY });
    const client = await server.connect({ responseCacheStore: open() });
    const readAll = async (): Promise<unknown[]> => {
      await client.listTools();
      await client.listResources();
      return [await read(client), await read(client, 'docs://2')];
    };
    await readAll();
    server.version = 2;
    server.requests.length = 0;
    await server.sendUpdated('docs://1');
    await settled();
    expect(await readAll()).toEqual(['version 2', 'version 1']);
    expect(server.requests).toEqual(['docs://1']);
    server.requests.length = 0;
    server.sendToolListChanged();
    await settled();
    await readAll();
    expect(server.requests).toEqual(['tools/list']);
  });

  it('goes on without a store that is closed, and says so [RESPONSE-STORE-OPTIONS]', async () => {
    const server = new HintedServer({ hint: DAY });
    const store = open();
    const client = await server.connect({ responseCacheStore: store });
    const errors: Error[] = [];
    client.onerror = (error) => errors.push(error);
    store.close();
    const requests = store.coalesce(client);
    expect(await read(requests)).toBe('version 1');
    expect(await read(requests)).toBe('version 1');
    expect(server.requests).toHaveLength(2);
    expect(errors[0]).toMatchObject({ code: 'ERR_GRANARY_CLOSED' });
  });
});

describe('coalesced requests', () => {
  watchProcess();

  /** A server whose reads wait until `gate` is opened. */
  async function gated(hint: { ttlMs: number; cacheScope: 'private' | 'public' } = DAY) {
    const gate = deferred<void>();
    const server: HintedServer = new HintedServer({
      hint,
      textOf: async (uri) => {
        const { version } = server;
        await gate.promise;
        if (uri.endsWith('fails')) throw new Error('no such document');
        return `version ${version}`;
      },
    });
    const store = open();
    const client = await server.connect({ responseCacheStore: store, cachePartition: 'ann' });
    return { gate, server, store, client, requests: store.coalesce(client) };
  }

  it.each([0, 60_000])(
    'of 100 callers are one, with a TTL of %d ms [RESPONSE-STORE-SINGLE-FLIGHT]',
    async (ttlMs) => {
      const { gate, server, store, requests } = await gated({ ttlMs, cacheScope: 'private' });
      const reads = Array.from({ length: 100 }, () => requests.readResource({ uri: 'docs://1' }));
      const lists = Array.from({ length: 100 }, () => requests.listTools());
      await settled();
      gate.resolve();
      const results = await Promise.all(reads);
      expect(new Set(results.map(textOf))).toEqual(new Set(['version 1']));
      await Promise.all(lists);
      expect(server.requests.toSorted()).toEqual(['docs://1', 'tools/list']);
      expect(store.stats().coalescedRequests).toBe(198);
      // Each has an object of its own, as without coalescing.
      for (const result of results.slice(1)) expect(result).toEqual(results[0]);
      expect(new Set(results.map(({ contents }) => contents)).size).toBe(100);
    },
  );

  it('are made for each verb, each URI and each client [RESPONSE-STORE-SINGLE-FLIGHT]', async () => {
    const { gate, server, store, requests } = await gated();
    const bob = await server.connect({ responseCacheStore: store, cachePartition: 'bob' });
    const others = store.coalesce(bob);
    const all = [requests, others].flatMap((each) => [
      each.readResource({ uri: 'docs://1' }),
      each.readResource({ uri: 'docs://2' }),
      each.listResources(),
      each.listResourceTemplates({}),
      each.listPrompts(),
    ]);
    gate.resolve();
    await Promise.all(all);
    expect(store.stats().coalescedRequests).toBe(0);
    expect(server.requests.filter((asked) => asked.startsWith('docs:'))).toHaveLength(4);
    expect(store.coalesce(bob)).not.toBe(others);
  });

  it('fail for all who wait, and the next one asks anew [RESPONSE-STORE-SINGLE-FLIGHT]', async () => {
    const { gate, server, requests } = await gated();
    const ask = () => requests.readResource({ uri: 'docs://fails' });
    const outcomes = Promise.allSettled([ask(), ask(), ask()]);
    await settled();
    gate.resolve();
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(server.requests).toEqual(['docs://fails']);
    await expect(ask()).rejects.toThrow('no such document');
    expect(server.requests).toHaveLength(2);
  });

  it('go on while one who waits is left, and are withdrawn with the last [RESPONSE-STORE-SINGLE-FLIGHT]', async () => {
    const { gate, server, requests } = await gated();
    const [first, second, third] = [1, 2, 3].map(() => new AbortController());
    const ask = ({ signal }: AbortController) =>
      requests.readResource({ uri: 'docs://1' }, { signal });
    const left = ask(first!);
    const stayed = ask(second!);
    await settled();
    first!.abort(new Error('gone'));
    await expect(left).rejects.toMatchObject({
      code: 'ERR_GRANARY_ABORTED',
      message: 'the load of docs://1 was aborted by its caller',
      cause: { message: 'gone' },
    });
    const joined = ask(third!);
    second!.abort();
    await expect(stayed).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    await settled();
    expect(server.cancelled).toBe(0);
    third!.abort();
    await expect(joined).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    await settled();
    expect(server.requests).toHaveLength(1);
    expect(server.cancelled).toBe(1);
    // Nobody was left to wait: the next one does not join what was withdrawn.
    const next = requests.readResource({ uri: 'docs://1' });
    gate.resolve();
    expect(textOf(await next)).toBe('version 1');
    expect(server.requests).toHaveLength(2);
    await expect(ask(first!)).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
  });

  it('are not joined from after a change, which is not overwritten [RESPONSE-STORE-SINGLE-FLIGHT]', async () => {
    const { gate, server, requests } = await gated();
    const before = [read(requests), read(requests)];
    await settled();
    server.version = 2;
    await server.sendUpdated('docs://1');
    await settled();
    const after = [read(requests), read(requests)];
    await settled();
    gate.resolve();
    expect(await Promise.all(before)).toEqual(['version 1', 'version 1']);
    expect(await Promise.all(after)).toEqual(['version 2', 'version 2']);
    expect(server.requests).toEqual(['docs://1', 'docs://1']);
    expect(await read(requests)).toBe('version 2');
  });

  it.each([
    ['evict', (store: GranaryResponseCacheStore) => store.evict('resources/read')],
    ['clear', (store: GranaryResponseCacheStore) => store.clear()],
  ])('are not joined from after %s [RESPONSE-STORE-SINGLE-FLIGHT]', async (_, drop) => {
    const { gate, server, store, requests } = await gated();
    const reads = [read(requests)];
    await settled();
    drop(store);
    reads.push(read(requests));
    await settled();
    gate.resolve();
    await Promise.all(reads);
    expect(server.requests).toHaveLength(2);
  });

  it('are joined still when something of another user or URI has changed [RESPONSE-STORE-SINGLE-FLIGHT]', async () => {
    const { gate, server, store, requests } = await gated();
    // What a write by a client does for its user, in another partition of the same server.
    const bob = await server.connect({ responseCacheStore: store, cachePartition: 'bob' });
    const first = read(requests);
    await settled();
    store.evict('tools/list');
    store.delete({ method: 'resources/read', params: 'docs://2', partition: 'p' });
    store.delete({ method: 'resources/read', params: 'docs://1', partition: 'of bob' });
    const second = read(requests);
    const third = read(bob);
    gate.resolve();
    expect(await Promise.all([first, second, third])).toEqual(Array(3).fill('version 1'));
    expect(store.stats().coalescedRequests).toBe(1);
  });

  it.each<[string, object, object | undefined]>([
    ['refresh', {}, { cacheMode: 'refresh' }],
    ['bypass', {}, { cacheMode: 'bypass' }],
    ['progress', {}, { onprogress: () => {} }],
    ['another timeout', {}, { timeout: 5_000 }],
    ['_meta', { _meta: { trace: 1 } }, undefined],
  ])('are made apart for %s [RESPONSE-STORE-SINGLE-FLIGHT]', async (_, params, options) => {
    const { gate, server, store, requests } = await gated();
    const reads = [
      requests.readResource({ uri: 'docs://1' }),
      requests.readResource({ uri: 'docs://1', ...params }, options),
      requests.readResource({ uri: 'docs://1' }, { cacheMode: 'use' }),
    ];
    await settled();
    gate.resolve();
    await Promise.all(reads);
    expect(server.requests).toEqual(['docs://1', 'docs://1']);
    expect(store.stats().coalescedRequests).toBe(1);
  });

  it('refuse a signal that is none [RESPONSE-STORE-OPTIONS]', async () => {
    const { requests } = await gated();
    const bad = requests.readResource({ uri: 'docs://1' }, { signal: 5 as never });
    await expect(bad).rejects.toMatchObject({ code: 'ERR_GRANARY_BAD_OPTION' });
    await expect(requests.readResource(undefined as never)).rejects.toThrow(TypeError);
  });
});
