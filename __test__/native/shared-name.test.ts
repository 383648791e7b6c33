import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, describe, expect, it } from 'vitest';

import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { PACKAGE_URL, runModule } from '../support/child-module.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ROOT } from '../support/run-program.ts';
import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

const IN_USE = 'ERR_GRANARY_NAME_IN_USE';
const opened: Disposable[] = [];

afterEach(async () => {
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  await endThreads();
});

function open(options: CacheOptions<unknown>): ResourceCache {
  const cache = new ResourceCache<unknown>({ storage: 'native', ...options });
  opened.push(cache);
  return cache;
}

describe('a name that is open', () => {
  it('refuses other bounds and another policy, naming both [NATIVE-NAME-IN-USE]', async () => {
    const name = freshName();
    const held = { name, maxEntries: 100, maxBytes: 1_000, policy: 'lru' } as const;
    const cache = open(held);
    cache.set('mem://a', 1);
    const others: [CacheOptions<unknown>, string, string][] = [
      [{ maxEntries: 200 }, 'maxEntries 100', 'maxEntries 200'],
      [{ maxBytes: 2_000 }, 'maxBytes 1000', 'maxBytes 2000'],
      [{ policy: 'adaptive' }, "policy 'lru'", "policy 'adaptive'"],
    ];
    for (const [other, ours, theirs] of others) {
      const { message } = await granaryFailure(() => open({ ...held, ...other }), IN_USE);
      for (const part of [name, ours, theirs]) expect(message).toContain(part);
    }
    // Those that were refused have left nothing open, and nothing of the store was touched.
    const thread = await StoreThread.start({ ...held, nearEntries: 3, ttlMs: 5 });
    expect(await thread.run(({ cache }) => cache.get('mem://a'))).toBe(1);
    const refused = StoreThread.start({ ...held, maxEntries: 99 });
    await expect(refused).rejects.toMatchObject({ code: IN_USE });
  });

  it('refuses a clock, and with a clock a second opener [NATIVE-NAME-IN-USE, HAZARD-18-NATIVE]', async () => {
    const name = freshName();
    open({ name });
    const { message } = await granaryFailure(
      () => open({ name, clock: new ManualClock() }),
      IN_USE,
    );
    expect(message).toContain('a clock of its own');
    const manual = freshName();
    const clock = new ManualClock();
    open({ name: manual, clock });
    await granaryFailure(() => open({ name: manual, clock }), IN_USE);
    await granaryFailure(() => open({ name: manual }), IN_USE);
  });

  it('is free when the last of its caches has closed, and no sooner [NATIVE-NAME-FREE]', async () => {
    const name = freshName();
    const one = open({ name, maxEntries: 10 });
    const other = open({ name, maxEntries: 10 });
    const thread = await StoreThread.start({ name, maxEntries: 10 });
    one.set('mem://a', 'kept');
    one.close();
    one.close();
    await granaryFailure(() => open({ name, maxEntries: 20 }), IN_USE);
    other.close();
    await granaryFailure(() => open({ name, maxEntries: 20 }), IN_USE);
    expect(await thread.run(({ cache }) => cache.get('mem://a'))).toBe('kept');
    await thread.run(({ cache }) => cache.close());
    const next = open({ name, maxEntries: 20 });
    expect(next.size).toBe(0);
  });

  it.each(['terminate', 'exit'])(
    'is free when its last thread ends by %s [NATIVE-NAME-FREE, HAZARD-1-NATIVE]',
    async (way) => {
      const name = freshName();
      const thread = await StoreThread.start({ name, maxEntries: 10 });
      await thread.run(({ cache }) => {
        cache.on('expired', () => {});
        cache.set('mem://a', 1, { ttlMs: 50 });
        void cache.load('mem://slow', () => new Promise(() => {})).catch(() => {});
      });
      if (way === 'terminate') await thread.terminate();
      else {
        thread.run(() => process.exit(0)).catch(() => {});
        await thread.ended;
      }
      expect(open({ name, maxEntries: 20 }).size).toBe(0);
    },
  );

  it('is free when its cache was dropped and collected [NATIVE-NAME-FREE]', async () => {
    const { tries } = await runModule<{ tries: number }>(
      `
      import { setTimeout as delay } from 'node:timers/promises';
      import { ResourceCache } from '${PACKAGE_URL}';
      const open = (maxEntries) => new ResourceCache({ storage: 'native', name: 'dropped', maxEntries });
      (() => {
        const cache = open(10);
        cache.on('expired', () => {});
        for (let n = 0; n < 10; n++) cache.set('mem://' + n, n);
        for (let n = 0; n < 10; n++) cache.get('mem://' + n);
      })();
      let tries = 0;
      for (let cache; cache === undefined && tries < 100; tries++) {
        try { cache = open(20); } catch { globalThis.gc(); await delay(20); }
      }
      console.log(JSON.stringify({ tries }));
    `,
      ['--expose-gc'],
    );
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(100);
  });
});

describe('a second copy of the package in one process', () => {
  it('is refused every name, by the names of both files; all else works in it [HAZARD-3]', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'granary-copy-'));
    try {
      await cp(path.join(ROOT, 'dist'), path.join(folder, 'dist'), { recursive: true });
      await cp(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
      await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
      await mkdir(path.join(folder, 'crates/binding'), { recursive: true });
      for (const file of await readdir(path.join(ROOT, 'crates/binding'))) {
        if (!/\.(cjs|node)$/.test(file)) continue;
        await cp(
          path.join(ROOT, 'crates/binding', file),
          path.join(folder, 'crates/binding', file),
        );
      }
      const copy = pathToFileURL(path.join(folder, 'dist/index.js')).href;
      const found = await runModule<{
        failures: { code: string; message: string }[];
        works: unknown[];
      }>(`
        import { ResourceCache as First } from '${PACKAGE_URL}';
        import { ResourceCache as Second } from '${copy}';
        const first = new First({ storage: 'native', name: 'a' });
        const failures = [];
        for (const name of ['a', 'b']) {
          try {
            new Second({ storage: 'native', name });
          } catch ({ code, message }) { failures.push({ code, message }); }
        }
        const works = [];
        for (const storage of ['heap', 'native']) {
          const cache = new Second({ storage, maxEntries: 100 });
          cache.set('mem://a', 'second');
          works.push(cache.get('mem://a'));
        }
        first.set('mem://a', 'first');
        works.push(first.get('mem://a'), new First({ storage: 'native', name: 'a' }).get('mem://a'));
        console.log(JSON.stringify({ failures, works }));
      `);
      expect(found.works).toEqual(['second', 'second', 'first', 'first']);
      expect(found.failures).toHaveLength(2);
      for (const { code, message } of found.failures) {
        expect(code).toBe('ERR_GRANARY_UNSUPPORTED_RUNTIME');
        expect(message).toContain(path.join(ROOT, 'crates/binding/granary.'));
        expect(message).toContain(path.join(folder, 'crates/binding/granary.'));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
