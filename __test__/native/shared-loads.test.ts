import { afterEach, describe, expect, it } from 'vitest';

import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

async function threadsOf(count: number, options = {}): Promise<StoreThread[]> {
  const shared = { name: freshName(), maxEntries: 1_000, ...options };
  return Promise.all(Array.from({ length: count }, () => StoreThread.start(shared)));
}

/** Counters and gates that loaders of all threads share. */
function sharedWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(64));
}

/** Begins a load whose loader waits until word 1 is set; fulfilled when the loader runs. */
async function beginLoad(
  thread: StoreThread,
  words: Int32Array,
  tags: string[] = [],
): Promise<void> {
  await thread.run(
    async ({ cache, kept }, { words, tags }) => {
      let running: () => void = () => {};
      const runs = new Promise<void>((resolve) => void (running = resolve));
      kept['load'] = cache.load(
        'mem://slow',
        async () => {
          Atomics.add(words, 0, 1);
          running();
          while (Atomics.load(words, 1) === 0)
            await new Promise((resolve) => setTimeout(resolve, 1));
          return 'slow';
        },
        { tags },
      );
      await runs;
    },
    { words, tags },
  );
}

/** Begins a load that is to join the one under way; fulfilled when it waits. */
async function joinLoad(thread: StoreThread): Promise<void> {
  await thread.run(({ cache, kept }) => {
    kept['load'] = cache.load('mem://slow', () => 'own');
  });
}

function endLoad(thread: StoreThread): Promise<unknown> {
  return thread.run(({ kept }) => kept['load']);
}

describe('a URI that many threads load at once', () => {
  it.each([2, 4])(
    'calls one loader, over %d threads with 50 callers each [NATIVE-ONE-LOAD, HAZARD-15-THREADS]',
    async (count) => {
      const threads = await threadsOf(count, { ttlMs: 0 });
      const words = sharedWords();
      const rounds = 200;
      const found = await Promise.all(
        threads.map((thread) =>
          thread.run(
            async ({ cache }, { words, rounds, count }) => {
              let wrong = 0;
              for (let round = 1; round <= rounds; round++) {
                // All begin a round together.
                Atomics.add(words, 1, 1);
                while (Atomics.load(words, 1) < round * count);
                const uri = `mem://${round}`;
                const load = async (): Promise<string> => {
                  Atomics.add(words, 0, 1);
                  await new Promise((resolve) => setTimeout(resolve, round % 3));
                  return `value ${round}`;
                };
                const one = Array.from({ length: 25 }, () => cache.load(uri, load));
                const bulk = Array.from({ length: 25 }, () =>
                  cache.loadMany([uri], async () => new Map([[uri, await load()]])),
                );
                for (const value of await Promise.all(one)) if (value !== `value ${round}`) wrong++;
                for (const values of await Promise.all(bulk)) {
                  if (values.get(uri) !== `value ${round}`) wrong++;
                }
              }
              return wrong;
            },
            { words, rounds, count },
          ),
        ),
      );
      expect(found).toEqual(Array(count).fill(0));
      expect(words[0]).toBe(rounds);
    },
    60_000,
  );

  it('gives each what the store would give: data frozen, buffers of its own [NATIVE-ONE-LOAD, NATIVE-FROZEN]', async () => {
    const [leader, follower] = await threadsOf(2);
    const words = sharedWords();
    for (const [kind, isFrozen] of [
      ['data', true],
      ['bytes', false],
    ] as const) {
      words[1] = 0;
      await leader!.run(
        async ({ cache, kept }, { words, kind }) => {
          let running: () => void = () => {};
          const runs = new Promise<void>((resolve) => void (running = resolve));
          const made = kind === 'data' ? { list: [1, 2] } : new Uint8Array([1, 2]);
          kept['made'] = made;
          kept['loads'] = [0, 1].map(() =>
            cache.load(`mem://${kind}`, async () => {
              running();
              while (Atomics.load(words, 1) === 0)
                await new Promise((resolve) => setTimeout(resolve, 1));
              return made;
            }),
          );
          await runs;
        },
        { words, kind },
      );
      await follower!.run(({ cache, kept }, kind) => {
        kept['loads'] = [0, 1].map(() => cache.load(`mem://${kind}`, () => 'own'));
      }, kind);
      words[1] = 1;
      for (const thread of [leader!, follower!]) {
        const seen = await thread.run(async ({ cache, kept }, kind) => {
          const values = (await Promise.all(kept['loads'] as Promise<object>[])) as [
            object,
            object,
          ];
          const stored = cache.get(`mem://${kind}`);
          return {
            same: values.map((value) => JSON.stringify(value)),
            stored: JSON.stringify(stored),
            frozen: values.map((value) => Object.isFrozen(value)),
            isSetters: values.includes(kept['made'] as object),
          };
        }, kind);
        const text = kind === 'data' ? '{"list":[1,2]}' : '{"0":1,"1":2}';
        expect(seen).toEqual({
          same: [text, text],
          stored: text,
          frozen: [isFrozen, isFrozen],
          isSetters: false,
        });
      }
    }
  });

  it('fails for all with code, message and cause [NATIVE-ONE-LOAD, HAZARD-15-THREADS]', async () => {
    const [leader, follower] = await threadsOf(2);
    const words = sharedWords();
    const load = async (
      { cache }: { cache: { load(uri: string, loader: () => Promise<unknown>): Promise<unknown> } },
      words: Int32Array,
    ) => {
      Atomics.add(words, 2, 1);
      try {
        await cache.load('mem://fails', async () => {
          Atomics.add(words, 0, 1);
          while (Atomics.load(words, 1) === 0)
            await new Promise((resolve) => setTimeout(resolve, 1));
          throw Object.assign(new RangeError('the origin is down'), { code: 'EORIGIN' });
        });
      } catch (error) {
        const { code, message, cause, data } = error as Error & { code: string; data: unknown };
        const { name, message: why, code: whyCode } = cause as Error & { code: string };
        return { code, message, name, why, whyCode, data };
      }
      return undefined;
    };
    const failures = [leader!.run(load, words), follower!.run(load, words)];
    while (words[2] !== 2 || words[0] !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
    await follower!.run(() => {});
    await leader!.run(() => {});
    words[1] = 1;
    const [one, other] = await Promise.all(failures);
    expect(one).toEqual({
      code: 'ERR_GRANARY_LOAD_FAILED',
      message: expect.stringContaining('mem://fails'),
      name: 'RangeError',
      why: 'the origin is down',
      whyCode: 'EORIGIN',
      data: { uri: 'mem://fails' },
    });
    expect(other).toEqual(one);
    expect(words[0]).toBe(1);
    expect(await leader!.run(({ cache }) => cache.has('mem://fails'))).toBe(false);
  });

  it('that a bulk loader leaves out is absent in all threads [NATIVE-ONE-LOAD, HAZARD-15-THREADS]', async () => {
    const [leader, follower] = await threadsOf(2);
    const words = sharedWords();
    await leader!.run(({ cache, kept }, words) => {
      kept['load'] = cache.loadMany(['mem://there', 'mem://absent'], async () => {
        while (Atomics.load(words, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        return new Map([['mem://there', 1]]);
      });
    }, words);
    await follower!.run(({ cache, kept }) => {
      const uris = ['mem://there', 'mem://absent', 'mem://own'];
      kept['load'] = cache.loadMany(uris, (missing) => new Map(missing.map((uri) => [uri, 2])));
    });
    words[1] = 1;
    const entriesOf = ({ kept }: { kept: Record<string, unknown> }): Promise<[string, unknown][]> =>
      (kept['load'] as Promise<Map<string, unknown>>).then((values) => [...values]);
    expect(await leader!.run(entriesOf)).toEqual([['mem://there', 1]]);
    expect(await follower!.run(entriesOf)).toEqual([
      ['mem://there', 1],
      ['mem://own', 2],
    ]);
  });
});

const OVERTAKING = {
  invalidate: ({ cache }: { cache: { invalidate(uri: string): boolean } }) =>
    void cache.invalidate('mem://slow'),
  tag: ({ cache }: { cache: { invalidateTag(tag: string): number } }) =>
    void cache.invalidateTag('t'),
  prefix: ({ cache }: { cache: { invalidatePattern(p: string): number } }) =>
    void cache.invalidatePattern('mem://s*'),
  template: ({ cache }: { cache: { invalidatePattern(p: string): number } }) =>
    void cache.invalidatePattern('mem://{x}'),
  regexp: ({ cache }: { cache: { invalidatePattern(p: RegExp): number } }) =>
    void cache.invalidatePattern(/.*slow/),
  clear: ({ cache }: { cache: { clear(): void } }) => cache.clear(),
  set: ({ cache }: { cache: { set(uri: string, value: unknown): void } }) =>
    cache.set('mem://slow', 'set'),
};

describe.each(Object.keys(OVERTAKING) as (keyof typeof OVERTAKING)[])('%s in one thread', (way) => {
  it('overtakes the load of another: its callers get the value, nobody joins, nothing is stored [NATIVE-ONE-LOAD, HAZARD-15-THREADS]', async () => {
    const [leader, follower, third] = await threadsOf(3);
    const words = sharedWords();
    await beginLoad(leader!, words, ['t']);
    await joinLoad(follower!);
    await third!.run(OVERTAKING[way] as (scope: unknown) => void);
    // Begun after it has returned: in the leading thread, in one that waits, and in another.
    for (const thread of [leader!, follower!, third!]) {
      const value = await thread.run(({ cache }) => cache.load('mem://slow', () => 'new'));
      expect(value).toBe(way === 'set' ? 'set' : 'new');
    }
    words[1] = 1;
    expect(await endLoad(leader!)).toBe('slow');
    expect(await endLoad(follower!)).toBe('slow');
    for (const thread of [leader!, follower!, third!]) {
      const value = await thread.run(({ cache }) => cache.get('mem://slow'));
      expect(value).toBe(way === 'set' ? 'set' : 'new');
    }
    expect(words[0]).toBe(1);
  });
});

describe('tags that a loader sets', () => {
  it.each(['before', 'after'])(
    'count as if given at the start: one invalidated elsewhere %s that overtakes the load [NATIVE-ONE-LOAD, HAZARD-15-TAGS, HAZARD-15-THREADS]',
    async (when) => {
      const [leader, other] = await threadsOf(2);
      await leader!.run(async ({ cache, kept }) => {
        let running: () => void = () => {};
        const runs = new Promise<void>((resolve) => void (running = resolve));
        kept['load'] = cache.load('mem://tagged', async (_, { setTags }) => {
          const gate = new Promise<void>((resolve) => void (kept['open'] = resolve));
          kept['setTags'] = setTags;
          running();
          await gate;
          return 'value';
        });
        await runs;
      });
      const setTags = (): Promise<void> =>
        leader!.run(({ kept }) => (kept['setTags'] as (tags: string[]) => void)(['late']));
      if (when === 'after') await setTags();
      await other!.run(({ cache }) => void cache.invalidateTag('late'));
      if (when === 'before') await setTags();
      const value = await leader!.run(({ kept }) => {
        (kept['open'] as () => void)();
        return kept['load'];
      });
      expect(value).toBe('value');
      expect(await other!.run(({ cache }) => cache.has('mem://tagged'))).toBe(false);
      // Invalidated before the load began, it is of no account.
      await leader!.run(({ cache }) =>
        cache.load('mem://tagged', (_, { setTags }) => (setTags(['late']), 'kept')),
      );
      expect(await other!.run(({ cache }) => cache.get('mem://tagged'))).toBe('kept');
    },
  );
});
