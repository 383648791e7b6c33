import { describe, expect, it, vi } from 'vitest';

import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { connectInMemory, HttpFixture, USERS, type Peer } from '../support/mcp-peers.ts';
import { watchProcess } from '../support/process-signals.ts';

/** Numbers its loads and says whom each was for, as far as it was told. */
function fixture(): { manager: ResourceManager; loads: () => number } {
  const manager = new ResourceManager();
  let loads = 0;
  for (const scope of ['private', 'public']) {
    manager.register(
      `${scope}://{x}`,
      (_, __, { principal, session }) => {
        loads++;
        const whom =
          principal === undefined ? (session === undefined ? 'nobody' : 'session') : 'principal';
        return `${loads} for ${whom} ${principal ?? session ?? ''}`;
      },
      { public: scope === 'public' },
    );
  }
  return { manager, loads: () => loads };
}

function texts(peers: readonly Peer[], uri: string): Promise<string[]> {
  return Promise.all(peers.map((peer) => peer.text(uri)));
}

describe('over Streamable HTTP', () => {
  watchProcess();

  it('users with tokens share by token, in any session, and never across [MANAGER-PRINCIPALS] [HAZARD-19]', async () => {
    const { manager, loads } = fixture();
    await using http = await HttpFixture.start(manager);
    const [ann, annElsewhere, bob] = await Promise.all(
      ['token-of-ann', 'token-of-ann', 'token-of-bob'].map((token) => http.connectAs(token)),
    );
    const peers = [ann, annElsewhere, bob] as Peer[];
    const first = await texts(peers, 'private://x');
    expect(first[0]).toBe(first[1]);
    expect(first[0]).not.toBe(first[2]);
    for (let round = 0; round < 3; round++)
      expect(await texts(peers, 'private://x')).toEqual(first);
    expect(loads()).toBe(2);
    expect(first.join()).not.toContain('token-of');
    manager.close();
  });

  it('answers to many interleaved reads never cross [MANAGER-PRINCIPALS]', async () => {
    const manager = new ResourceManager();
    manager.register('own://{x}', async (_, { x }, { principal }) => {
      await new Promise((resolve) => setImmediate(resolve));
      return `${x} of ${principal}`;
    });
    await using http = await HttpFixture.start(manager, {
      options: { partition: ({ authInfo }) => authInfo?.extra?.['user'] as string },
    });
    const users = Object.keys(USERS);
    const peers = await Promise.all(users.map((token) => http.connectAs(token)));
    await Promise.all(
      Array.from({ length: 120 }, async (_, n) => {
        const uri = `own://${n % 7}`;
        const at = n % peers.length;
        const user = USERS[users[at] ?? ''];
        expect(await peers[at]?.text(uri)).toBe(`${n % 7} of ${user}`);
      }),
    );
    // Two users with seven resources each: the second token of ann found all of hers.
    expect(manager.stats().loads).toBe(14);
    manager.close();
  });

  it('sessions without authorization have a copy each [HAZARD-19] [HAZARD-19-SESSION]', async () => {
    const { manager, loads } = fixture();
    await using http = await HttpFixture.start(manager);
    const peers = [await http.connect(), await http.connect({ cookie: 'user=ann' })];
    const first = await texts(peers, 'private://x');
    expect(new Set(first).size).toBe(2);
    expect(first.every((text) => text.includes('for session'))).toBe(true);
    expect(await texts(peers, 'private://x')).toEqual(first);
    expect(loads()).toBe(2);
    const shared = await texts(peers, 'public://x');
    expect(new Set(shared)).toEqual(new Set(['3 for nobody ']));
    manager.close();
  });

  it('stateless and anonymous, only public patterns are cached, whatever cookies say [HAZARD-19]', async () => {
    const { manager, loads } = fixture();
    await using http = await HttpFixture.start(manager, { stateless: true });
    const peers = [
      await http.connect({ cookie: 'user=ann', 'x-user': 'ann' }),
      await http.connect({ cookie: 'user=bob', 'x-user': 'bob' }),
    ];
    for (let round = 0; round < 2; round++) await texts(peers, 'private://x');
    expect(loads()).toBe(4);
    expect(manager.stats()).toMatchObject({ size: 0, uncachedReads: 4 });
    for (let round = 0; round < 2; round++) await texts(peers, 'public://x');
    expect(loads()).toBe(5);
    manager.close();
  });

  it('stateless with tokens, each token finds its own [HAZARD-19]', async () => {
    const { manager, loads } = fixture();
    await using http = await HttpFixture.start(manager, { stateless: true });
    const peers = [await http.connectAs('token-of-ann'), await http.connectAs('token-of-bob')];
    const first = await texts(peers, 'private://x');
    expect(new Set(first).size).toBe(2);
    expect(await texts(peers, 'private://x')).toEqual(first);
    expect(loads()).toBe(2);
    manager.close();
  });

  it('several tokens of one user share where partition says who it is [MANAGER-PRINCIPALS]', async () => {
    const { manager } = fixture();
    const options = {
      partition: ({ authInfo }: { authInfo?: { extra?: Record<string, unknown> } }) =>
        authInfo?.extra?.['user'] as string | undefined,
    };
    await using http = await HttpFixture.start(manager, { options });
    const peers = [
      await http.connectAs('token-of-ann'),
      await http.connectAs('other-token-of-ann'),
      await http.connectAs('token-of-bob'),
    ];
    expect(await texts(peers, 'private://x')).toEqual([
      '1 for principal ann',
      '1 for principal ann',
      '2 for principal bob',
    ]);
    const anonymous = await http.connect();
    expect(await anonymous.text('private://x')).toMatch(/^3 for session/);
    manager.close();
  });

  it('notifies exactly the sessions that subscribed [MCP-UPDATED] [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    await using http = await HttpFixture.start(manager);
    const [ann, bob] = [await http.connectAs('token-of-ann'), await http.connectAs('token-of-bob')];
    await vi.waitFor(() => expect(http.streams).toBe(2));
    await ann.client.subscribeResource({ uri: 'private://x' });
    await ann.client.subscribeResource({ uri: 'public://x' });
    await bob.client.subscribeResource({ uri: 'public://x' });
    manager.invalidate('private://x');
    manager.invalidate('public://x');
    manager.register('more://{x}', () => 1);
    await vi.waitFor(() => expect([ann.listChanges, bob.listChanges]).toEqual([1, 1]));
    // Notifications of a session keep their order: what was sent before has arrived.
    expect(ann.updated).toEqual(['private://x', 'public://x']);
    expect(bob.updated).toEqual(['public://x']);
    manager.close();
  });

  it('a session that ends takes its subscriptions along [MCP-SUBSCRIBE]', async () => {
    const { manager } = fixture();
    await using http = await HttpFixture.start(manager);
    const [ann, bob] = [await http.connectAs('token-of-ann'), await http.connectAs('token-of-bob')];
    await vi.waitFor(() => expect(http.streams).toBe(2));
    for (const { client } of [ann, bob]) await client.subscribeResource({ uri: 'public://x' });
    await (
      ann.client.transport as unknown as { terminateSession(): Promise<void> }
    ).terminateSession();
    expect(http.sessions).toBe(1);
    manager.invalidate('public://x');
    await vi.waitFor(() => expect(bob.updated).toEqual(['public://x']));
    expect(ann.updated).toEqual([]);
    manager.close();
  });
});

describe('within the process', () => {
  it('a connection is a session with an id of its own [HAZARD-19-SESSION]', async () => {
    const { manager, loads } = fixture();
    const peers = await Promise.all([connectInMemory(manager), connectInMemory(manager)]);
    const first = await texts(peers, 'private://x');
    expect(new Set(first).size).toBe(2);
    expect(await texts(peers, 'private://x')).toEqual(first);
    expect(loads()).toBe(2);
    manager.close();
  });
});
