import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

const { StoreHandle } = loadAddon();
type Handle = InstanceType<typeof StoreHandle>;

const INTERNAL = 'ERR_GRANARY_INTERNAL';

/** The native halves of the caches that a test opens, in their order. */
const handles = new Set<Handle>();
const { memory } = StoreHandle.prototype;
const opened: Disposable[] = [];

beforeEach(() => {
  StoreHandle.prototype.memory = function (this: Handle, own) {
    handles.add(this);
    return memory.call(this, own);
  };
});

afterEach(async () => {
  StoreHandle.prototype.memory = memory;
  handles.clear();
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  await endThreads();
});

/** A store with 400 entries in it, of which most are in main. */
function openFilled(options = {}): { cache: ResourceCache<string>; handle: Handle } {
  const cache = new ResourceCache<string>({
    storage: 'native',
    maxEntries: 500,
    ttlMs: 0,
    policy: 'tinylfu',
    ...options,
  });
  opened.push(cache);
  for (let n = 0; n < 400; n++) cache.set(`mem://${n}`, `${n}`, { weightBytes: 10 });
  cache.sync();
  return { cache, handle: [...handles].at(-1)! };
}

function expectGoesOn(cache: ResourceCache<string>): void {
  for (let n = 0; n < 3_000; n++) {
    cache.set(`mem://flood/${n}`, 'flood', { weightBytes: 10 });
    if (cache.size > 500 || cache.weightBytes > 5_000) expect.fail('a bound was passed');
  }
  cache.sync();
  expect(cache.size).toBe([...cache.keys()].length);
  expect(cache.weightBytes).toBe(cache.size * 10);
  cache.clear();
  expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
}

/** The operation in which the fault comes; each makes moka or our own code do something. */
const OPERATIONS: Record<string, (cache: ResourceCache<string>) => unknown> = {
  set: (cache) => {
    for (let n = 400; n < 560; n++) cache.set(`mem://${n}`, `${n}`, { weightBytes: 10 });
  },
  invalidate: (cache) => cache.invalidate('mem://1'),
  invalidatePattern: (cache) => cache.invalidatePattern('mem://1*'),
  resize: (cache) => cache.resize({ maxEntries: 450 }),
  sync: (cache) => cache.sync(),
};

describe('a panic of moka in a native store', () => {
  it.each(Object.keys(OPERATIONS).filter((name) => name !== 'sync'))(
    'during %s is told once, and loses nothing [PANIC-NATIVE]',
    async (name) => {
      const { cache, handle } = openFilled();
      handle.armFault(false);
      await granaryFailure(() => OPERATIONS[name]!(cache), INTERNAL);
      for (let n = 200; n < 400; n++) expect(cache.peek(`mem://${n}`)).toBe(`${n}`);
      expect(cache.size).toBe([...cache.keys()].length);
      expect(cache.weightBytes).toBe(cache.size * 10);
      cache.sync();
      expectGoesOn(cache);
    },
  );

  it('is thrown once, by whichever thread asks first [PANIC-NATIVE]', async () => {
    const name = freshName();
    const { cache, handle } = openFilled({ name });
    const thread = await StoreThread.start({ name, maxEntries: 500, policy: 'tinylfu' });
    handle.armFault(false);
    // A load is nobody's to fail for it.
    for (let n = 400; n < 480; n++) await cache.load(`mem://${n}`, () => `${n}`);
    const failed = await thread.run(({ cache }) => {
      const codes: unknown[] = [];
      for (let call = 0; call < 3; call++) {
        try {
          cache.sync();
        } catch (error) {
          codes.push((error as { code: unknown }).code);
        }
      }
      return codes;
    });
    expect(failed).toEqual([INTERNAL]);
    cache.sync();
    expect(cache.size).toBe(480);
  });
});

describe('a panic of our own in a native store', () => {
  it.each([...Object.keys(OPERATIONS), 'clear'])(
    'during %s starts afresh: readers see misses, in near maps and other threads too [PANIC-NATIVE]',
    async (operation) => {
      const name = freshName();
      const { cache, handle } = openFilled({ name });
      const thread = await StoreThread.start({ name, maxEntries: 500, policy: 'tinylfu' });
      const readAll = ({ cache }: { cache: { get(uri: string): unknown } }): number =>
        Array.from({ length: 400 }, (_, n) => cache.get(`mem://${n}`)).filter(
          (value, n) => value === `${n}`,
        ).length;
      expect([await thread.run(readAll), readAll({ cache })]).toEqual([400, 400]);
      const { hits } = cache.stats();
      handle.armFault(true);
      await granaryFailure(
        () => (OPERATIONS[operation] ?? ((each: typeof cache) => each.clear()))(cache),
        INTERNAL,
      );
      // At most what was set after the fault within the operation.
      expect(await thread.run(readAll)).toBe(0);
      expect(readAll({ cache })).toBe(0);
      expect(cache.stats().hits).toBe(hits);
      expectGoesOn(cache);
    },
  );

  it('in a read is a miss, and told by the next call that changes something [PANIC-NATIVE]', async () => {
    const { cache, handle } = openFilled();
    handle.armFault(true);
    expect(cache.get('mem://1')).toBeUndefined();
    expect(cache.get('mem://1')).toBeUndefined();
    await granaryFailure(() => cache.sync(), INTERNAL);
    cache.set('mem://1', 'new');
    expect(cache.get('mem://1')).toBe('new');
  });

  it('leaves no load that could land in another one’s place [PANIC-NATIVE, HAZARD-15-THREADS]', async () => {
    const { cache, handle } = openFilled({ clock: new ManualClock() });
    const [before, after] = [deferred<string>(), deferred<string>()];
    const former = cache.load('mem://former', () => before.promise);
    handle.armFault(true);
    await granaryFailure(() => cache.sync(), INTERNAL);
    const latter = cache.load('mem://latter', () => after.promise);
    before.resolve('former');
    expect(await former).toBe('former');
    expect(cache.get('mem://latter')).toBeUndefined();
    after.resolve('latter');
    expect(await latter).toBe('latter');
    expect(cache.get('mem://latter')).toBe('latter');
    expect(cache.get('mem://former')).toBeUndefined();
  });

  it('has waiting threads go on with their own loader [PANIC-NATIVE, HAZARD-15-THREADS]', async () => {
    const name = freshName();
    const { cache, handle } = openFilled({ name });
    const thread = await StoreThread.start({ name, maxEntries: 500, policy: 'tinylfu' });
    const never = deferred<string>();
    const led = cache.load('mem://slow', () => never.promise);
    await thread.run(
      ({ cache, kept }) => void (kept['load'] = cache.load('mem://slow', () => 'own')),
    );
    handle.armFault(true);
    await granaryFailure(() => cache.sync(), INTERNAL);
    expect(await thread.run(({ kept }) => kept['load'])).toBe('own');
    never.resolve('late');
    expect(await led).toBe('late');
    expect(cache.get('mem://slow')).toBe('own');
  });

  it('during a load fails nobody’s call [PANIC-NATIVE]', async () => {
    const { cache, handle } = openFilled();
    handle.armFault(true);
    expect(await cache.load('mem://load', () => 'value')).toBe('value');
    await granaryFailure(() => cache.sync(), INTERNAL);
    expect(await cache.load('mem://load', () => 'value')).toBe('value');
    expect(cache.get('mem://load')).toBe('value');
  });

  it('during a restore lets it bring back nothing that is invalidated after [PANIC-NATIVE]', async () => {
    const source = openFilled();
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.cache.dump()) chunks.push(chunk);
    const target = new ResourceCache<string>({ storage: 'native', maxEntries: 500, ttlMs: 0 });
    opened.push(target);
    const gate = deferred<void>();
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      await gate.promise;
      yield* chunks;
    };
    const restored = target.restore(slow());
    target.invalidate('mem://1');
    [...handles].at(-1)!.armFault(true);
    await granaryFailure(() => target.sync(), INTERNAL);
    target.invalidate('mem://2');
    gate.resolve();
    await restored;
    expect([1, 2, 3].map((n) => target.get(`mem://${n}`))).toEqual([undefined, undefined, '3']);
  });
});
