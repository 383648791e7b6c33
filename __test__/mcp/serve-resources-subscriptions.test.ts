import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { describe, expect, it, vi } from 'vitest';

import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { followRegistry } from '../../src/mcp/registry-follower.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { deferred } from '../support/deferred.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { connectInMemory, newServer, Peer } from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const TTL_MS = 60_000;

interface Fixture {
  readonly manager: ResourceManager;
  readonly clock: ManualClock;
  readonly timers: ManualTimers;
  content: string;
}

function fixture(): Fixture {
  const clock = new ManualClock();
  const timers = new ManualTimers();
  const manager = new ResourceManager({ clock, timers, ttlMs: TTL_MS });
  const made: Fixture = { manager, clock, timers, content: 'first' };
  manager.register('public://{x}', () => made.content, { public: true, tags: ['all'] });
  manager.register('private://{x}', (_, __, { session }) => `${made.content} ${session}`, {
    tags: ['all'],
  });
  return made;
}

async function refusalCode(answer: Promise<unknown>): Promise<unknown> {
  return answer.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
}

describe('subscriptions', () => {
  watchProcess();

  it('are told of invalidations, each to exactly its subscribers [MCP-UPDATED] [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    const [one, two, none] = await Promise.all([1, 2, 3].map(() => connectInMemory(manager)));
    await one?.client.subscribeResource({ uri: 'public://a' });
    await one?.client.subscribeResource({ uri: 'private://a' });
    await two?.client.subscribeResource({ uri: 'public://a' });
    await two?.client.subscribeResource({ uri: 'public://b' });
    await none?.text('public://a');
    await settled();

    for (const [drop, ofOne, ofTwo] of [
      [() => manager.invalidate('public://a'), ['public://a'], ['public://a']],
      [() => manager.invalidate('private://a'), ['private://a'], []],
      [() => manager.invalidatePattern('public://b*'), [], ['public://b']],
      [() => manager.invalidate('public://nobody'), [], []],
    ] as const) {
      for (const peer of [one, two]) peer?.updated.splice(0);
      drop();
      await settled();
      expect(one?.updated, drop.toString()).toEqual(ofOne);
      expect(two?.updated, drop.toString()).toEqual(ofTwo);
    }
    for (const peer of [one, two]) peer?.updated.splice(0);
    manager.invalidateTag('all');
    await settled();
    expect(one?.updated.toSorted()).toEqual(['private://a', 'public://a']);
    expect(two?.updated.toSorted()).toEqual(['public://a', 'public://b']);
    expect(none?.updated).toEqual([]);
  });

  it('count once however often they are made, and end with one unsubscribe [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    const peer = await connectInMemory(manager);
    for (let n = 0; n < 3; n++) await peer.client.subscribeResource({ uri: 'public://a' });
    manager.invalidate('public://a');
    await settled();
    expect(peer.updated).toEqual(['public://a']);
    await peer.client.unsubscribeResource({ uri: 'public://a' });
    await peer.client.unsubscribeResource({ uri: 'public://a' });
    await peer.client.unsubscribeResource({ uri: 'never://subscribed' });
    manager.invalidate('public://a');
    await settled();
    expect(peer.updated).toHaveLength(1);
  });

  it('end with an unsubscribe that overtakes their authorization [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    const authorization = deferred<boolean>();
    const { client, updated } = await connectInMemory(manager, {
      authorize: () => authorization.promise,
    });
    const subscribed = client.subscribeResource({ uri: 'public://a' });
    await client.unsubscribeResource({ uri: 'public://a' });
    authorization.resolve(true);
    await subscribed;
    manager.invalidate('public://a');
    await settled();
    expect(updated).toEqual([]);
    await client.subscribeResource({ uri: 'public://a' });
    manager.invalidate('public://a');
    await settled();
    expect(updated).toEqual(['public://a']);
  });

  it('are told when expired content turns out to have changed, and not when it has not [MCP-CONTENT-CHANGE]', async () => {
    const made = fixture();
    const { manager, clock, timers } = made;
    const peers = await Promise.all([1, 2].map(() => connectInMemory(manager)));
    for (const { client } of peers) {
      await client.subscribeResource({ uri: 'public://a' });
      await client.subscribeResource({ uri: 'private://a' });
    }
    await settled();
    const expireAndReload = async (): Promise<void> => {
      clock.advance(TTL_MS + 1);
      manager.sync();
      // One reload for what is shared, one for each session's own copy.
      expect(timers.fire()).toBe(3);
      await settled();
    };
    await expireAndReload();
    expect(peers.map(({ updated }) => updated)).toEqual([[], []]);
    made.content = 'second';
    await expireAndReload();
    for (const { updated } of peers) {
      expect(updated.toSorted()).toEqual(['private://a', 'public://a']);
    }
  });

  it('end with their connection, timers and all [MCP-SUBSCRIBE]', async () => {
    const { manager, clock, timers } = fixture();
    const peer = await connectInMemory(manager);
    const other = await connectInMemory(manager);
    for (const { client } of [peer, other]) {
      await client.subscribeResource({ uri: 'private://a' });
    }
    await settled();
    await peer.client.close();
    clock.advance(TTL_MS + 1);
    manager.sync();
    expect(timers.delays).toHaveLength(1);
    manager.invalidate('private://a');
    await settled();
    expect(other.updated).toEqual(['private://a']);
    await other.client.close();
    clock.advance(TTL_MS + 1);
    manager.sync();
    expect(timers.delays).toEqual([]);
  });

  it('belong to a connection, not to the server that is connected anew [MCP-SUBSCRIBE] [HAZARD-19-SESSION]', async () => {
    const { manager } = fixture();
    const server = newServer();
    const first = await connectInMemory(manager, {}, server);
    const textOfFirst = await first.text('private://a');
    await first.client.subscribeResource({ uri: 'private://a' });
    await first.client.close();
    const second = new Peer();
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await second.client.connect(near);
    expect(await second.text('private://a')).not.toBe(textOfFirst);
    manager.invalidate('private://a');
    await settled();
    expect([first.updated, second.updated]).toEqual([[], []]);
  });

  it('end at the first update after a close that they were not told of [MCP-SUBSCRIBE]', async () => {
    const { manager, timers, clock } = fixture();
    const server = newServer();
    await serveResources(server, manager);
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const onclose = far.onclose as () => void;
    const { client } = new Peer();
    await client.connect(near);
    await client.subscribeResource({ uri: 'public://a' });
    await settled();
    far.onclose = onclose;
    await client.close();
    const second = new Peer();
    const [nearAgain, farAgain] = InMemoryTransport.createLinkedPair();
    await server.connect(farAgain);
    await second.client.connect(nearAgain);
    await second.client.listResources();
    manager.invalidate('public://a');
    await manager.read('public://a');
    await settled();
    expect(second.updated).toEqual([]);
    clock.advance(TTL_MS + 1);
    manager.sync();
    expect(timers.delays).toEqual([]);
  });

  it('are bounded for each connection [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    const { client } = await connectInMemory(manager, { maxSubscriptions: 2 });
    await client.subscribeResource({ uri: 'public://a' });
    await client.subscribeResource({ uri: 'public://b' });
    await client.subscribeResource({ uri: 'public://a' });
    expect(await refusalCode(client.subscribeResource({ uri: 'public://c' }))).toBe(-32_602);
    await client.unsubscribeResource({ uri: 'public://a' });
    await client.subscribeResource({ uri: 'public://c' });
  });

  it('lets the transport’s own onclose run too [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    const server = newServer();
    await serveResources(server, manager);
    const [near, far] = InMemoryTransport.createLinkedPair();
    let closed = 0;
    far.onclose = () => closed++;
    await server.connect(far);
    const { client } = new Peer();
    await client.connect(near);
    await client.subscribeResource({ uri: 'public://a' });
    await client.close();
    expect(closed).toBe(1);
    expect(server.isConnected()).toBe(false);
  });
});

describe('the handle', () => {
  watchProcess();

  it('ends subscriptions, notifications and answers, and leaves the manager open [MCP-SUBSCRIBE] [MCP-LIST-CHANGED]', async () => {
    const { manager, timers, clock } = fixture();
    const server = newServer();
    const serving = await serveResources(server, manager);
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    const peer = new Peer();
    await peer.client.connect(near);
    await peer.client.subscribeResource({ uri: 'public://a' });
    await settled();
    manager.register('pending://{x}', () => 1);
    serving.close();
    serving.close();
    serving[Symbol.dispose]();
    manager.register('later://{x}', () => 1);
    manager.invalidate('public://a');
    clock.advance(TTL_MS + 1);
    manager.sync();
    await settled();
    expect([peer.updated, peer.listChanges, timers.delays]).toEqual([[], 0, []]);
    expect(await refusalCode(peer.client.readResource({ uri: 'public://a' }))).toBe(-32_601);
    expect((await manager.read('public://a')).contents[0]?.text).toBe('first');
  });

  it('need not be closed: a server that is dropped is not kept by the registry [MCP-LIST-CHANGED]', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { manager } = fixture();
    const servers: WeakRef<object>[] = [];
    const serveSession = async (): Promise<void> => {
      const server = newServer();
      servers.push(new WeakRef(server));
      const peer = await connectInMemory(manager, {}, server);
      await peer.client.subscribeResource({ uri: 'public://a' });
      await peer.client.close();
    };
    for (let session = 0; session < 5; session++) await serveSession();
    await vi.waitFor(() => {
      collect();
      expect(servers.filter((server) => server.deref() !== undefined).length).toBeLessThan(2);
    });
    manager.register('later://{x}', () => 1);
  });

  it('stops following a registry when it is told to [MCP-LIST-CHANGED]', () => {
    const { manager } = fixture();
    const changes: string[] = [];
    const follower = { changes };
    const stop = followRegistry(manager.registry, follower, (told, { registration }) => {
      told.changes.push(registration.pattern);
    });
    manager.register('a://{x}', () => 1);
    stop();
    stop();
    manager.register('b://{x}', () => 1);
    expect(changes).toEqual(['a://{x}']);
  });
});
