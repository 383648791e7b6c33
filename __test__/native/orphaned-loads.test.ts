import { afterEach, describe, expect, it } from 'vitest';

import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

async function threadsOf(count: number): Promise<StoreThread[]> {
  const shared = { name: freshName(), ttlMs: 0 };
  return Promise.all(Array.from({ length: count }, () => StoreThread.start(shared)));
}

/** Begins a load in a thread, whose loader never answers unless it is opened; two callers wait. */
async function lead(thread: StoreThread): Promise<void> {
  await thread.run(async ({ cache, kept }) => {
    let running: () => void = () => {};
    const runs = new Promise<void>((resolve) => void (running = resolve));
    const controllers = [new AbortController(), new AbortController()];
    kept['controllers'] = controllers;
    kept['loads'] = controllers.map(({ signal }) =>
      cache.load(
        'mem://slow',
        (_, { signal: runSignal }) => {
          runSignal.addEventListener('abort', () => (kept['aborted'] = true));
          running();
          return new Promise((resolve) => void (kept['open'] = resolve));
        },
        { signal },
      ),
    );
    for (const load of kept['loads'] as Promise<unknown>[]) load.catch(() => {});
    await runs;
  });
}

/** Begins a load in a thread that has to wait for another's. */
async function follow(thread: StoreThread, own: string): Promise<void> {
  await thread.run(({ cache, kept }, own) => {
    // It looks by itself now and then; here it is to be woken, or it waits for ever.
    const { setInterval: original } = globalThis;
    globalThis.setInterval = (look: () => void) => original(look, 2 ** 30);
    kept['controller'] = new AbortController();
    kept['load'] = cache.load(
      'mem://slow',
      () => {
        kept['called'] = true;
        return own;
      },
      { signal: (kept['controller'] as AbortController).signal },
    );
    (kept['load'] as Promise<unknown>).catch(() => {});
  }, own);
}

function outcome(thread: StoreThread): Promise<unknown> {
  return thread.run(({ kept }) => kept['load']);
}

function isCalled(thread: StoreThread): Promise<unknown> {
  return thread.run(({ kept }) => kept['called'] === true);
}

describe('a loading thread that ends', () => {
  it.each(['terminate', 'exit', 'throw', 'close'] as const)(
    'by %s leaves the load to one of those that wait, at once [NATIVE-ORPHANED-LOAD, HAZARD-15-THREADS]',
    async (way) => {
      const [leader, one, other] = await threadsOf(3);
      await lead(leader!);
      await follow(one!, 'one');
      await follow(other!, 'other');
      if (way === 'terminate') await leader!.terminate();
      else if (way === 'exit') leader!.run(() => process.exit(3)).catch(() => {});
      else if (way === 'close') await leader!.run(({ cache }) => cache.close());
      else {
        const throwing = leader!.run(() => {
          setImmediate(() => {
            throw new Error('uncaught');
          });
        });
        // It may end before it answers.
        throwing.catch(() => {});
      }
      const values = await Promise.all([outcome(one!), outcome(other!)]);
      const [value] = values;
      expect(['one', 'other']).toContain(value);
      expect(values).toEqual([value, value]);
      expect([await isCalled(one!), await isCalled(other!)].filter(Boolean)).toHaveLength(1);
      expect(await other!.run(({ cache }) => cache.get('mem://slow'))).toBe(value);
    },
  );
});

describe('a waiting thread', () => {
  it('that ends holds up nobody [NATIVE-ORPHANED-LOAD, HAZARD-15-THREADS]', async () => {
    const [leader, one, other] = await threadsOf(3);
    await lead(leader!);
    await follow(one!, 'one');
    await follow(other!, 'other');
    await one!.terminate();
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await outcome(other!)).toBe('slow');
    expect(await leader!.run(({ kept }) => Promise.all(kept['loads'] as unknown[]))).toEqual([
      'slow',
      'slow',
    ]);
  });

  it('that aborts leaves alone, and the loader goes on [NATIVE-ORPHANED-LOAD, LOAD-ABORT-ALONE]', async () => {
    const [leader, one, other] = await threadsOf(3);
    await lead(leader!);
    await follow(one!, 'one');
    await follow(other!, 'other');
    await one!.run(({ kept }) => (kept['controller'] as AbortController).abort());
    await expect(outcome(one!)).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await outcome(other!)).toBe('slow');
    expect(await isCalled(one!)).toBe(false);
  });

  it('stays alive while it waits, and no longer [NATIVE-ORPHANED-LOAD]', async () => {
    const [leader, one] = await threadsOf(2);
    await lead(leader!);
    await one!.run(({ cache }) => {
      void cache
        .load('mem://slow', () => 'own')
        .then((value) => {
          // Nothing but this load has kept the thread alive.
          process.exitCode = value === 'slow' ? 7 : 8;
        });
    });
    await one!.run(({ letGo }) => letGo());
    let ended = false;
    void one!.ended.then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ended).toBe(false);
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await one!.ended).toBe(7);
  });
});

describe('callers of the loading thread that abort', () => {
  it('each leave alone [NATIVE-ORPHANED-LOAD, LOAD-ABORT-ALONE]', async () => {
    const [leader, one] = await threadsOf(2);
    await lead(leader!);
    await follow(one!, 'one');
    await leader!.run(({ kept }) => (kept['controllers'] as AbortController[])[0]!.abort());
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await outcome(one!)).toBe('slow');
    expect(await leader!.run(({ kept }) => (kept['loads'] as unknown[])[1])).toBe('slow');
  });

  it('all of them do not end the load while another thread waits for it [NATIVE-ORPHANED-LOAD, LOAD-ABORT-LAST]', async () => {
    const [leader, one] = await threadsOf(2);
    await lead(leader!);
    await follow(one!, 'one');
    const aborted = await leader!.run(({ kept }) => {
      for (const controller of kept['controllers'] as AbortController[]) controller.abort();
      return kept['aborted'] === true;
    });
    expect(aborted).toBe(false);
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await outcome(one!)).toBe('slow');
    expect(await leader!.run(({ cache }) => cache.get('mem://slow'))).toBe('slow');
  });

  it('end it where nobody else waits: the next load is a new one [NATIVE-ORPHANED-LOAD, LOAD-ABORT-LAST]', async () => {
    const [leader, one] = await threadsOf(2);
    await lead(leader!);
    await follow(one!, 'one');
    await one!.run(({ kept }) => (kept['controller'] as AbortController).abort());
    const aborted = await leader!.run(({ kept }) => {
      for (const controller of kept['controllers'] as AbortController[]) controller.abort();
      return kept['aborted'] === true;
    });
    expect(aborted).toBe(true);
    expect(await one!.run(({ cache }) => cache.load('mem://slow', () => 'new'))).toBe('new');
    await leader!.run(({ kept }) => (kept['open'] as (value: string) => void)('slow'));
    expect(await one!.run(({ cache }) => cache.get('mem://slow'))).toBe('new');
  });
});
