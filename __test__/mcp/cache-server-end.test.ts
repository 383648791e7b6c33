import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { describe, expect, it, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import { linkInMemory, Peer } from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

describe('cacheServer', () => {
  watchProcess();

  describe('ends', () => {
    it('with close: the server is as it was, and what is under way is answered [CACHE-SERVER-CLOSE]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      const server = origin.mcpServer();
      const names = ['connect', 'notification', 'setRequestHandler', 'removeRequestHandler'];
      const own = (): string[] => [
        ...names.filter((name) => Object.hasOwn(server.server, name)),
        ...Object.keys(server).filter((name) => name.startsWith('send')),
      ];
      const caching = cacheServer(server);
      expect(own()).toHaveLength(7);
      const peer = await linkInMemory(server);
      await peer.text('own://1');
      origin.gate = gate.promise;
      const underWay = peer.text('own://2');
      await settled();
      caching.close();
      caching.close();
      gate.resolve();
      expect(await underWay).toMatch(/own:\/\/2/);
      expect(own()).toEqual([]);
      expect(await peer.text('own://1')).not.toBe(await peer.text('own://1'));
      expect(() => caching.stats()).toThrow(
        expect.objectContaining({ code: 'ERR_GRANARY_CLOSED' }) as Error,
      );
      const again = cacheServer(server);
      expect(await peer.text('own://1')).toBe(await peer.text('own://1'));
      again[Symbol.dispose]();
    });

    it('and leaves in place what others have put over it [CACHE-SERVER-CLOSE]', async () => {
      const server = new CountedOrigin().mcpServer();
      const caching = cacheServer(server);
      const { connect } = server.server;
      let connects = 0;
      server.server.connect = (transport) => {
        connects++;
        return connect.call(server.server, transport);
      };
      caching.close();
      const peer = await linkInMemory(server);
      expect(await peer.text('own://1')).not.toBe(await peer.text('own://1'));
      expect(connects).toBe(1);
      expect(Object.hasOwn(server.server.transport ?? {}, 'send')).toBe(false);
    });

    it('a cache from outside stays open; one that closes leaves the server answering [CACHE-SERVER-CLOSE]', async () => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      const cache = new ResourceCache();
      const warnings: string[] = [];
      const log = (message: string): void => void warnings.push(message);
      const logger = { debug: log, info: log, warn: log, error: log };
      cacheServer(server, { cache, logger }).close();
      expect(cache.size).toBe(0);
      const caching = cacheServer(server, { cache, logger });
      expect(caching.cache).toBe(cache);
      const peer = await linkInMemory(server);
      const gate = deferred<void>();
      origin.gate = gate.promise;
      const underWay = peer.text('a://1');
      await settled();
      cache.close();
      gate.resolve();
      expect(await underWay).toBe('2: a://1 for nobody');
      expect(await peer.text('a://1')).toBe('3: a://1 for nobody');
      await server.sendResourceUpdated({ uri: 'a://1' });
      expect(warnings).toHaveLength(2);
    });

    it('with close, however often, on a live connection: its transport is as it was [CACHE-SERVER-CLOSE]', async () => {
      const origin = new CountedOrigin();
      const server = origin.mcpServer();
      const peer = await linkInMemory(server);
      const transport = server.server.transport!;
      const callbacks = (): unknown[] => [transport.onmessage, transport.onclose, transport.send];
      const former = callbacks();
      const cache = new ResourceCache();
      for (let cycle = 0; cycle < 3; cycle++) {
        const caching = cacheServer(server, { cache });
        expect(callbacks().some((callback, at) => callback === former[at])).toBe(false);
        await peer.text('own://1');
        const gate = deferred<void>();
        origin.gate = gate.promise;
        const underWay = peer.text('own://2');
        await settled();
        caching.close();
        gate.resolve();
        expect(await underWay).toMatch(/own:\/\/2/);
        await settled();
        expect(callbacks()).toEqual(former);
        expect(cache.size).toBe(0);
      }
    });

    it('with close while several wait for one call: that call answers all [CACHE-SERVER-CLOSE] [CACHE-SERVER-SINGLE-FLIGHT]', async () => {
      const origin = new CountedOrigin();
      const gate = deferred<void>();
      origin.gate = gate.promise;
      const server = origin.mcpServer();
      const caching = cacheServer(server);
      const peer = await linkInMemory(server);
      const texts = [1, 2, 3].map(() => peer.text('own://1'));
      await settled();
      caching.close();
      gate.resolve();
      expect(await Promise.all(texts)).toEqual([1, 2, 3].map(() => '1: own://1 for nobody'));
      await settled();
      expect(() => caching.stats()).toThrow(
        expect.objectContaining({ code: 'ERR_GRANARY_CLOSED' }) as Error,
      );
    });

    it('and a connection that has kept nothing of its own drops nothing [CACHE-SERVER-CLOSE]', async () => {
      const cache = new ResourceCache();
      const dropped = vi.spyOn(cache, 'invalidateTag');
      for (const uri of ['docs://1', 'own://1']) {
        const server = new CountedOrigin().mcpServer();
        cacheServer(server, { cache, public: ['docs://{x}'] });
        const peer = await linkInMemory(server);
        await peer.text(uri);
        await peer.client.close();
      }
      expect(dropped).toHaveBeenCalledTimes(1);
      expect(cache.size).toBe(1);
    });

    it('when its connection closes: handlers are cancelled, nothing is answered or kept [CACHE-SERVER-CLOSE]', async () => {
      const origin = new CountedOrigin();
      origin.gate = new Promise(() => {});
      const server = origin.mcpServer();
      const [near, far] = InMemoryTransport.createLinkedPair();
      await server.connect(far);
      const { onmessage } = far;
      const { cache } = cacheServer(server);
      expect([far.onmessage === onmessage, Object.hasOwn(far, 'send')]).toEqual([false, true]);
      const peer = new Peer();
      await peer.client.connect(near);
      const lost = peer.text('own://1').catch((error: Error) => error.message);
      await settled();
      await peer.client.close();
      expect(await lost).toContain('Connection closed');
      await settled();
      expect(origin.extras[0]?.signal.aborted).toBe(true);
      expect(cache.stats()).toMatchObject({ size: 0, loads: 1 });
      expect([far.onmessage === onmessage, Object.hasOwn(far, 'send')]).toEqual([true, false]);
    });

    it('without close: a server that is dropped is not kept by the cache it shared [CACHE-SERVER-CLOSE]', async () => {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const cache = new ResourceCache();
      const servers: WeakRef<object>[] = [];
      const serveSession = async (): Promise<void> => {
        const server = new CountedOrigin().mcpServer();
        servers.push(new WeakRef(server));
        cacheServer(server, { cache, public: ['docs://{x}'] });
        const peer = await linkInMemory(server);
        await peer.text('docs://1');
        await peer.text('own://1');
        await peer.client.close();
      };
      for (let session = 0; session < 5; session++) await serveSession();
      expect(cache.size).toBe(1);
      await vi.waitFor(() => {
        collect();
        expect(servers.filter((server) => server.deref() !== undefined).length).toBeLessThan(2);
      });
    });
  });
});
