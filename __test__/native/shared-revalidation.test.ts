import { afterEach, expect, it } from 'vitest';

import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

it('has a thread ask by what another has loaded, and both find what is unchanged [REVALIDATE-THREADS]', async () => {
  const shared = { name: freshName(), ttlMs: 60_000 };
  const [one, other] = await Promise.all([StoreThread.start(shared), StoreThread.start(shared)]);
  await one.run(async ({ cache }) => {
    await cache.load('mem://a', (_, context) => {
      context.setValidator({ etag: 'v1' });
      context.setTags(['red']);
      context.setTtl(1);
      return { version: 1 };
    });
    while (cache.has('mem://a')) await new Promise((resolve) => setTimeout(resolve, 1));
  });
  const asked = await other.run(async ({ cache }) => {
    const told: unknown[] = [];
    const value = await cache.load('mem://a', (_, context) => {
      told.push(context.validator, context.stale);
      context.setTtl(60_000);
      return context.notModified();
    });
    return [...told, value, cache.stats().revalidations];
  });
  expect(asked).toEqual([{ etag: 'v1' }, { version: 1 }, { version: 1 }, 1]);
  const found = await one.run(({ cache }) => {
    const { tags, validator } = cache.info('mem://a')!;
    return { value: cache.get('mem://a'), tags, validator, stale: cache.stats().staleEntries };
  });
  expect(found).toEqual({
    value: { version: 1 },
    tags: ['red'],
    validator: { etag: 'v1' },
    stale: 0,
  });
});

it('frees what may be revalidated no more, without a call [REVALIDATE-THREADS, REVALIDATE-WINDOW]', async () => {
  const thread = await StoreThread.start({ name: freshName(), staleTtlMs: 20 });
  const sizes = await thread.run(async ({ cache }) => {
    const validator = { etag: 'x' };
    cache.set('mem://a', 'v', { ttlMs: 5, validator });
    const seen = new Set<number>();
    for (let n = 0; n < 2_000 && cache.size > 0; n++) {
      seen.add(cache.stats().staleEntries);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return [[...seen].at(-1), cache.size, cache.weightBytes];
  });
  expect(sizes).toEqual([1, 0, 0]);
});
