import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { PACKAGE_URL, runModule } from '../support/child-module.ts';
import {
  endThreads,
  freshName,
  StoreThread,
  type ThreadScope,
  turnWord,
} from '../support/store-thread.ts';

afterEach(endThreads);

async function threadsOf(count: number, options = {}): Promise<StoreThread[]> {
  const shared = { name: freshName(), ttlMs: 0, ...options };
  return Promise.all(Array.from({ length: count }, () => StoreThread.start(shared)));
}

/** Keeps every event of a thread's cache in `kept.told`, as text. */
function listen({ cache, kept }: ThreadScope): void {
  const told: string[] = [];
  kept['told'] = told;
  for (const event of ['loaded', 'accessed', 'invalidated', 'expired', 'evicted'] as const) {
    cache.on(event, ({ uri, value, metadata }) => {
      told.push(
        `${event} ${uri} ${String(value)}${metadata?.cause === undefined ? '' : ` ${metadata.cause}`}`,
      );
    });
  }
}

/** Waits until a thread was told so many events, and a little for any too many. */
async function toldOf(thread: StoreThread, count: number): Promise<string[]> {
  return thread.run(async ({ kept }, count) => {
    const told = kept['told'] as string[];
    const until = performance.now() + 5_000;
    while (told.length < count && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 30));
    return told.splice(0);
  }, count);
}

describe('events of a store that threads share', () => {
  it('come to each that listens once: its own before the call returns, others’ soon after [NATIVE-EVENTS, HAZARD-17-NATIVE]', async () => {
    const threads = await threadsOf(3, { maxEntries: 2, policy: 'lru' });
    const [actor, watcher, idle] = threads as [StoreThread, StoreThread, StoreThread];
    await actor.run(listen);
    await watcher.run(listen);
    const within = await actor.run(async ({ cache, kept }) => {
      const told = kept['told'] as string[];
      const counts: number[] = [];
      cache.set('mem://a', 1);
      counts.push(told.length);
      await cache.load('mem://b', () => 2);
      counts.push(told.length);
      cache.get('mem://a');
      cache.get('mem://a');
      counts.push(told.length);
      await cache.load('mem://a', () => 9);
      cache.set('mem://c', 3);
      counts.push(told.length);
      cache.invalidate('mem://c');
      cache.clear();
      counts.push(told.length);
      return counts;
    });
    expect(within).toEqual([0, 2, 4, 6, 8]);
    const expected = [
      'loaded mem://b 2',
      'accessed mem://b 2',
      'accessed mem://a 1',
      'accessed mem://a 1',
      'accessed mem://a 1',
      'evicted mem://b 2 size',
      'invalidated mem://c 3',
      'invalidated mem://a 1',
    ];
    expect(await toldOf(actor, 8)).toEqual(expected);
    expect(await toldOf(watcher, 8)).toEqual(expected);
    // One that begins to listen is told of nothing before, and one that ends of nothing after.
    await idle.run(listen);
    expect(await toldOf(idle, 0)).toEqual([]);
    await watcher.run(({ cache }) => cache.off('invalidated', () => {}));
    await actor.run(({ cache }) => {
      cache.set('mem://a', 1);
      cache.invalidate('mem://a');
    });
    for (const thread of threads)
      expect(await toldOf(thread, 1)).toEqual(['invalidated mem://a 1']);
  });

  it('tell every access, near hits of others and each caller of a shared load included [NATIVE-EVENTS, ACCESS-COUNT]', async () => {
    const [watcher, one, other] = (await threadsOf(3)) as [StoreThread, StoreThread, StoreThread];
    await one.run(({ cache }) => {
      cache.set('mem://a', 1);
      for (let n = 0; n < 10; n++) cache.get('mem://a');
    });
    await watcher.run(listen);
    // Near before anybody listened, and not any more.
    await one.run(({ cache }) => {
      for (let n = 0; n < 500; n++) cache.get('mem://a');
    });
    expect(await toldOf(watcher, 500)).toEqual(Array(500).fill('accessed mem://a 1'));
    await one.run(({ cache, kept }) => {
      const answer = (): Promise<number> => new Promise((resolve) => void (kept['open'] = resolve));
      kept['loads'] = [cache.load('mem://b', answer), cache.load('mem://b', answer)];
    });
    await other.run(({ cache, kept }) => {
      kept['loads'] = [1, 2, 3].map(() => cache.load('mem://b', () => 0));
    });
    await one.run(({ kept }) => {
      (kept['open'] as (value: number) => void)(5);
      return Promise.all(kept['loads'] as unknown[]);
    });
    await other.run(({ kept }) => Promise.all(kept['loads'] as unknown[]));
    expect(await toldOf(watcher, 6)).toEqual([
      'loaded mem://b 5',
      ...Array(5).fill('accessed mem://b 5'),
    ]);
    // Nobody listens: hits are near again.
    const calls = await one.run(({ cache, calls }) => {
      cache.get('mem://a');
      const called = calls();
      cache.get('mem://a');
      return [...called.keys()];
    });
    expect(calls).toContain('get');
    await watcher.terminate();
    const nearCalls = await one.run(({ cache, calls }) => {
      cache.get('mem://a');
      calls().clear();
      for (let n = 0; n < 100; n++) cache.get('mem://a');
      return [...calls().keys()];
    });
    expect(nearCalls).not.toContain('get');
  });

  it('of accesses reach one that begins to listen while another fetches [NATIVE-EVENTS, HAZARD-14]', () => {
    const name = freshName();
    const [one, other] = [0, 1].map(() => new ResourceCache<number>({ storage: 'native', name }));
    const { prototype } = loadAddon().StoreHandle;
    const { get } = prototype;
    let told = 0;
    prototype.get = function (...args) {
      // `one` has looked whether anybody listens, and is on its way to the value.
      prototype.get = get;
      other!.on('accessed', () => told++);
      return get.apply(this, args);
    };
    try {
      one!.set('mem://a', 1);
      for (let n = 0; n < 10; n++) one!.get('mem://a');
      other!.sync();
      expect(told).toBe(10);
    } finally {
      prototype.get = get;
      one!.close();
      other!.close();
    }
  });

  it('are in order per URI, over three threads that change one [NATIVE-EVENTS, HAZARD-17-ORDER]', async () => {
    const threads = (await threadsOf(4)) as [StoreThread, ...StoreThread[]];
    const [watcher, ...actors] = threads;
    await watcher.run(({ cache, kept }) => {
      const order: number[] = [];
      kept['order'] = order;
      // Own calls in between must not come before what others have done already.
      cache.on('accessed', ({ value }) => order.push(-(value as number)));
      cache.on('invalidated', ({ value }) => order.push(value as number));
    });
    const turn = turnWord();
    const rounds = 600;
    const acting = actors.map((actor, own) =>
      actor.run(
        ({ cache, await: awaitTurn, pass }, { turn, own, rounds }) => {
          for (let round = own; round < rounds; round += 3) {
            awaitTurn(turn, 2 * round);
            cache.set('mem://a', round + 1);
            cache.invalidate('mem://a');
            cache.set('mem://a', round + 1);
            pass(turn, 2 * round + 1);
          }
        },
        { turn, own, rounds },
      ),
    );
    const order = await watcher.run(
      async ({ cache, kept, await: awaitTurn, pass }, { turn, rounds }) => {
        for (let round = 0; round < rounds; round++) {
          awaitTurn(turn, 2 * round + 1);
          if (cache.get('mem://a') !== round + 1) throw new Error('an older value');
          pass(turn, 2 * round + 2);
          if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
        return kept['order'] as number[];
      },
      { turn, rounds },
    );
    await Promise.all(acting);
    // In each round: dropped by an actor, then read by the watcher.
    expect(order).toEqual(Array.from({ length: rounds }, (_, n) => [n + 1, -(n + 1)]).flat());
  }, 60_000);

  it('that wait for a halted thread are bounded, and counted where they are cut [NATIVE-EVENTS, HAZARD-17-QUEUE]', async () => {
    const [watcher, actor] = (await threadsOf(2, { maxEntries: 100 })) as [
      StoreThread,
      StoreThread,
    ];
    await watcher.run(({ cache, kept }) => {
      const told: boolean[] = [];
      kept['told'] = told;
      cache.on('invalidated', ({ value }) => told.push(value !== undefined));
    });
    const turn = turnWord();
    const halted = watcher.run(async ({ cache, kept, await: awaitTurn, pass }, turn) => {
      pass(turn, 1);
      awaitTurn(turn, 2);
      const waited = (kept['told'] as boolean[]).length;
      while ((kept['told'] as boolean[]).length < 60)
        await new Promise((resolve) => setTimeout(resolve, 1));
      return { waited, told: kept['told'] as boolean[], dropped: cache.stats().droppedEvents };
    }, turn);
    await actor.run(({ cache, await: awaitTurn, pass }, turn) => {
      awaitTurn(turn, 1);
      for (let n = 0; n < 60; n++) {
        cache.set('mem://a', new Uint8Array(1_000_000));
        cache.invalidate('mem://a');
      }
      pass(turn, 2);
    }, turn);
    const { waited, told, dropped } = await halted;
    expect(waited).toBe(0);
    // 16 MiB of values at most; no event is lost.
    expect(told).toHaveLength(60);
    expect(told.filter(Boolean)).toHaveLength(16);
    expect(dropped).toBe(44);
    expect(await actor.run(({ cache }) => cache.stats().droppedEvents)).toBe(0);
  });

  it('go to nobody who ends meanwhile, again and again [NATIVE-EVENTS, HAZARD-1-NATIVE, HAZARD-17-NATIVE]', async () => {
    const shared = { name: freshName(), ttlMs: 0 };
    const actor = await StoreThread.start(shared);
    const goesOn = new Int32Array(new SharedArrayBuffer(8));
    const acting = actor.run(async ({ cache }, goesOn) => {
      for (let n = 0; Atomics.load(goesOn, 0) === 0; n++) {
        cache.set('mem://a', `value ${n}`, { ttlMs: 1 });
        cache.get('mem://a');
        cache.invalidate('mem://a');
        Atomics.add(goesOn, 1, 1);
        if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }, goesOn);
    for (let batch = 0; batch < 8; batch++) {
      const listeners = await Promise.all([1, 2, 3, 4].map(() => StoreThread.start(shared)));
      await Promise.all(listeners.map((thread) => thread.run(listen)));
      await Promise.all(listeners.map((thread) => thread.terminate()));
    }
    const before = goesOn[1]!;
    while (goesOn[1] === before) await new Promise((resolve) => setTimeout(resolve, 1));
    goesOn[0] = 1;
    await acting;
    // Nobody listens any more: hits are near.
    const seen = await actor.run(({ cache }) => {
      cache.set('mem://b', 1);
      return cache.get('mem://b');
    });
    expect(seen).toBe(1);
  }, 120_000);

  it('keep no process alive [NATIVE-EVENTS, IDLE-EXIT, HAZARD-17-NATIVE]', async () => {
    const { started } = await runModule<{ started: number }>(`
      import { Worker } from 'node:worker_threads';
      import { ResourceCache } from '${PACKAGE_URL}';
      const body = \`import('${PACKAGE_URL}').then(({ ResourceCache }) => {
        const cache = new ResourceCache({ storage: 'native', name: 'alive' });
        for (const event of ['expired', 'accessed', 'loaded']) cache.on(event, () => {});
        cache.set('mem://b', 1, { ttlMs: 30_000 });
      })\`;
      const cache = new ResourceCache({ storage: 'native', name: 'alive' });
      for (const event of ['expired', 'accessed', 'evicted']) cache.on(event, () => {});
      cache.set('mem://soon', 1, { ttlMs: 30_000 });
      const worker = new Worker(body, { eval: true });
      // It ends by itself, and so does the process after it.
      worker.once('exit', () => console.log(JSON.stringify({ started: Date.now() })));
    `);
    expect(Date.now() - started).toBeLessThan(2_000);
  }, 20_000);
});
