import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { newServer, Peer, type LowLevelServer } from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { RawPeer } from '../support/raw-peer.ts';

/** A client whose transport tells of its user what `authOf` says, and has the members of `looks`. */
async function linkAs(
  server: { connect(transport: Transport): Promise<void> },
  authOf: () => Partial<AuthInfo> | undefined,
  looks: object = {},
): Promise<Peer> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  Object.assign(far, looks);
  await server.connect(far);
  const send = near.send.bind(near);
  near.send = (message, options) => send(message, { ...options, authInfo: authOf() as AuthInfo });
  const peer = new Peer();
  await peer.client.connect(near);
  return peer;
}

/** As HTTP transports are that do not tell of the request that a message came by. */
const HTTP = { handleRequest: () => {} };

describe('cacheServer', () => {
  watchProcess();

  it('takes a transport of HTTP without sessions for nobody, also one that tells of no request [CACHE-SERVER-SCOPE] [HAZARD-19]', async () => {
    const origin = new CountedOrigin();
    const server = origin.mcpServer();
    const { cache } = cacheServer(server, { public: ['docs://{x}'] });
    const peer = await linkAs(server, () => undefined, HTTP);
    for (const uri of ['own://1', 'own://1', 'docs://1', 'docs://1']) await peer.text(uri);
    expect([origin.calls, cache.size]).toEqual([3, 1]);
  });

  it('keeps nothing for a connection on which a second client introduces itself [CACHE-SERVER-SHARED-TRANSPORT] [HAZARD-19]', async () => {
    const origin = new CountedOrigin();
    const server = origin.mcpServer();
    const { cache } = cacheServer(server, { public: ['docs://{x}'] });
    const peer = await RawPeer.link(server);
    const read = async (id: number, uri: string): Promise<void> => {
      await peer.write({ id, method: 'resources/read', params: { uri } });
      await settled();
    };
    for (const id of [1, 2]) await read(id, 'own://1');
    expect([origin.calls, cache.size]).toEqual([1, 1]);
    const clientInfo = { name: 'other', version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    await peer.write({ id: 3, method: 'initialize', params });
    await settled();
    expect(cache.size).toBe(0);
    for (const id of [4, 5]) await read(id, 'own://1');
    for (const id of [6, 7]) await read(id, 'docs://1');
    expect([origin.calls, cache.size]).toEqual([4, 1]);
  });

  it('tells users who are authorized without a token apart by partition alone [CACHE-SERVER-SCOPE] [HAZARD-19]', async () => {
    const partition: CacheServerOptions['partition'] = ({ authInfo }) =>
      authInfo?.extra?.['user'] as string | undefined;
    for (const [options, calls] of [
      [{}, [1, 2, 3, 4]],
      [{ partition }, [1, 2, 1, 2]],
      [{ partition: () => undefined }, [1, 2, 3, 4]],
    ] as const) {
      const origin = new CountedOrigin();
      const server = origin.mcpServer();
      cacheServer(server, options);
      let user = '';
      const peer = await linkAs(server, () => ({ token: '', clientId: user, extra: { user } }));
      const found: string[] = [];
      for (user of ['ann', 'bob', 'ann', 'bob']) found.push(await peer.text('own://x'));
      const users = ['ann', 'bob', 'ann', 'bob'];
      expect(found).toEqual(users.map((name, n) => `${calls[n]}: own://x for ${name}`));
    }
  });

  it('keeps sessions of one id apart, which two servers may give to different clients [CACHE-SERVER-SCOPE] [CACHE-SERVER-SHARED-CACHE]', async () => {
    const origin = new CountedOrigin();
    const cache = new ResourceCache();
    const peers = await Promise.all(
      [1, 2].map(() => {
        const server: LowLevelServer = origin.lowLevelServer();
        cacheServer(server, { cache });
        return linkAs(server, () => undefined, { sessionId: '1' });
      }),
    );
    for (let round = 0; round < 2; round++) {
      for (const [at, peer] of peers.entries()) {
        expect(await peer.text('a://1')).toBe(`${at + 1}: a://1 for nobody`);
      }
    }
  });

  it('says so where partition returns a Promise [CACHE-SERVER-OPTIONS]', async () => {
    const logged: unknown[] = [];
    const log = (_: string, data?: object): void => void logged.push(data);
    const logger = { debug: log, info: log, warn: log, error: log };
    const origin = new CountedOrigin();
    for (const partition of [
      () => Promise.resolve('ann') as never,
      () => Promise.reject(new Error('no user')) as never,
    ]) {
      const server = origin.mcpServer();
      cacheServer(server, { partition, logger });
      const peer = await linkAs(server, () => undefined);
      await expect(peer.text('own://1')).rejects.toMatchObject({ code: -32_603 });
    }
    expect(logged).toEqual([
      { error: expect.stringContaining('not a Promise') as string },
      { error: expect.stringContaining('not a Promise') as string },
    ]);
    expect(origin.calls).toBe(0);
  });
});

describe('serveResources', () => {
  watchProcess();

  it('keeps nothing private for whom nothing tells apart: HTTP without a session, authorization without a token [MCP-READ] [HAZARD-19]', async () => {
    const user = { token: '', clientId: 'ann' };
    for (const [authInfo, looks, loads] of [
      [undefined, HTTP, 2],
      [user, {}, 2],
      [undefined, {}, 1],
    ] as const) {
      const manager = new ResourceManager({ clock: new ManualClock() });
      let count = 0;
      manager.register('own://{x}', () => `load ${++count}`);
      const server = newServer();
      await serveResources(server, manager);
      const peer = await linkAs(server, () => authInfo, looks);
      for (let round = 0; round < 2; round++) await peer.text('own://1');
      expect(count).toBe(loads);
    }
  });
});
