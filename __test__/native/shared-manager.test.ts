import { afterEach, describe, expect, it } from 'vitest';

import { endManagerThreads, ManagerThread } from '../support/manager-thread.ts';

afterEach(endManagerThreads);

const MCP_CLIENT = import.meta.resolve('@modelcontextprotocol/sdk/client/index.js');
const MCP_SERVER = import.meta.resolve('@modelcontextprotocol/sdk/server/mcp.js');

/** Has a private read wait in its loader; fulfilled when the loader runs. */
async function beginRead(thread: ManagerThread, uri: string): Promise<void> {
  await thread.run(async ({ hold, kept, loads, text }, uri) => {
    kept['release'] = hold(uri);
    const read = text(uri, 'ann');
    kept['read'] = () => read;
    while (!loads.includes(uri)) await new Promise((resolve) => setImmediate(resolve));
  }, uri);
}

function endRead(thread: ManagerThread): Promise<unknown> {
  return thread.run(({ kept }) => {
    kept['release']?.();
    return kept['read']?.();
  });
}

type Drop = readonly ['invalidate' | 'invalidatePattern' | 'invalidateTag', string | RegExp];

const DROPS: readonly Drop[] = [
  ['invalidate', 'private://a/profile'],
  ['invalidatePattern', 'private://a/profile'],
  ['invalidatePattern', 'private://{id}/profile'],
  ['invalidatePattern', 'private://a*'],
  ['invalidatePattern', /private:\/\/\w+\/profile$/],
  ['invalidateTag', 'private'],
];

function drop(thread: ManagerThread, [method, what]: Drop): Promise<number> {
  return thread.run(({ manager }, { method, what }) => Number(manager[method](what as string)), {
    method,
    what,
  });
}

describe('managers in threads that share a store', () => {
  it.each(DROPS)(
    'drop every partition, whoever has loaded it: %s(%s) [NATIVE-SHARED-MANAGER]',
    async (...given) => {
      const [one, other] = ManagerThread.pair();
      for (const principal of ['ann', 'bob']) {
        expect(await one.text('private://a/profile', principal)).toMatch(/^load /);
      }
      expect(await other.text('private://a/profile', 'ann')).toBe('load 1');
      expect(await other.run(({ loads }) => loads)).toEqual([]);
      const dropped = await drop(other, given);
      expect(dropped).toBe(given[0] === 'invalidate' ? 1 : 2);
      expect(await one.text('private://a/profile', 'ann')).toBe('load 3');
      expect(await other.text('private://a/profile', 'bob')).toBe('load 1');
    },
  );

  it.each(DROPS)(
    'detach what another one is loading privately: %s(%s) [NATIVE-SHARED-MANAGER]',
    async (...given) => {
      const [one, other] = ManagerThread.pair();
      await beginRead(one, 'private://a/profile');
      await drop(other, given);
      // It joins no load of before, nor is that kept.
      expect(await other.text('private://a/profile', 'ann')).toBe('load 1');
      expect(await other.run(({ loads }) => loads.length)).toBe(1);
      await endRead(one);
      await other.run(({ manager }) => manager.invalidate('private://a/profile'));
      expect(await one.text('private://a/profile', 'ann')).toBe('load 2');
    },
  );

  it('leave alone what matches only with its partition [NATIVE-SHARED-MANAGER]', async () => {
    const [one, other] = ManagerThread.pair();
    await one.text('private://a', 'ann');
    await one.text('private://{b', 'ann');
    const counts = await other.run(({ manager }) => [
      manager.invalidatePattern(/private:\/\/a.+/s),
      manager.invalidatePattern('private://a\u0000*'),
      manager.invalidatePattern('private://a\u0000'),
      manager.invalidate('private://'),
      manager.invalidate('private://{b'),
    ]);
    expect(counts).toEqual([0, 0, 0, false, true]);
    expect(await other.text('private://a', 'ann')).toBe('load 1');
  });

  it('keep what others hold while they start, and drop it when a pattern changes later [NATIVE-SHARED-MANAGER]', async () => {
    const [one, other] = ManagerThread.pair();
    expect(await one.text('private://a', 'ann')).toBe('load 1');
    await other.run(({ manager }) => {
      manager.register('private://a', () => 'early', { public: false });
      manager.unregister('private://a');
    });
    expect(await other.text('private://a', 'ann')).toBe('load 1');
    await other.run(({ manager }) => {
      manager.register('private://a', () => 'late', { public: false });
    });
    expect(await one.text('private://a', 'ann')).toBe('load 2');
  });

  it('are not woken by what nobody watches there [NATIVE-SHARED-MANAGER]', async () => {
    const [one, other] = ManagerThread.pair();
    await other.text('public://a');
    const before = await other.run(({ wakes }) => wakes());
    for (let n = 0; n < 100; n++) await one.text(`public://${n}`);
    expect(await other.run(({ wakes }) => wakes())).toBe(before);
  });
});

describe('a watch in a thread that shares a store', () => {
  /** Watches a URI; `kept.told()` is how often its listener was called. */
  async function watch(thread: ManagerThread, uri: string, principal?: string): Promise<void> {
    await thread.run(
      async ({ manager, kept, text }, { uri, principal }) => {
        let times = 0;
        kept['told'] = () => times;
        await text(uri, principal);
        manager.watch(uri, () => times++, principal === undefined ? {} : { principal });
      },
      { uri, principal },
    );
  }

  async function toldOf(thread: ManagerThread): Promise<number> {
    return (await thread.run(({ kept }) => kept['told']?.())) as number;
  }

  it.each(DROPS)(
    'hears of an invalidation in another: %s(%s) [NATIVE-SHARED-WATCH]',
    async (...given) => {
      const [one, other] = ManagerThread.pair();
      await watch(one, 'private://a/profile', 'ann');
      await drop(other, given);
      await expect.poll(() => toldOf(one)).toBe(1);
    },
  );

  it('hears of other content that another has loaded, and of the same not [NATIVE-SHARED-WATCH]', async () => {
    const [one, other] = ManagerThread.pair({ maxEntries: 1, policy: 'lru' });
    const reload = (answer: string) =>
      other.run(async ({ answers, text }, answer) => {
        await text('public://b'); // makes the one place free
        answers.set('public://a', answer);
        await text('public://a');
      }, answer);
    await one.run(({ answers }) => void answers.set('public://a', 'first'));
    await watch(one, 'public://a');
    await reload('first');
    await reload('second');
    await expect.poll(() => toldOf(one)).toBe(1);
  });

  it('notifies the subscriber of an MCP server [NATIVE-SHARED-WATCH] [MCP-UPDATED]', async () => {
    const [one, other] = ManagerThread.pair();
    await one.run(
      async ({ manager, kept, load }, urls) => {
        const [{ Client }, { McpServer }, { InMemoryTransport }, types, { serveResources }] =
          await Promise.all(urls.map(load));
        const server = new McpServer({ name: 'shared', version: '1.0.0' });
        await serveResources(server, manager);
        const client = new Client({ name: 'test', version: '1.0.0' });
        const [near, far] = InMemoryTransport.createLinkedPair();
        await Promise.all([server.connect(far), client.connect(near)]);
        const updated: string[] = [];
        kept['updated'] = () => updated;
        const schema = types.ResourceUpdatedNotificationSchema;
        client.setNotificationHandler(schema, ({ params }: { params: { uri: string } }) => {
          updated.push(params.uri);
        });
        await client.subscribeResource({ uri: 'public://a' });
        await client.readResource({ uri: 'public://a' });
      },
      [
        MCP_CLIENT,
        MCP_SERVER,
        import.meta.resolve('@modelcontextprotocol/sdk/inMemory.js'),
        import.meta.resolve('@modelcontextprotocol/sdk/types.js'),
        import.meta.resolve('mcp-granary/mcp'),
      ],
    );
    await other.run(({ manager }) => manager.invalidate('public://a'));
    await expect.poll(() => one.run(({ kept }) => kept['updated']?.())).toEqual(['public://a']);
  });
});
