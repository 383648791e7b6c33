import { describe, expect, it, vi } from 'vitest';

import { KeyIndex } from '../../src/cache/key-index.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { ResourceEvent } from '../../src/events/resource-event.ts';
import { PartitionIndex } from '../../src/manager/partition-index.ts';
import type { ReadOptions } from '../../src/manager/read-context.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { parsePattern } from '../../src/registry/uri-pattern.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const ANN: ReadOptions = { principal: 'ann' };
const BOB: ReadOptions = { principal: 'bob' };

interface Fixture {
  readonly manager: ResourceManager;
  readonly cache: ResourceCache<ReadResult>;
  readonly clock: ManualClock;
  /** URIs, in the order in which the loader was asked for them. */
  readonly loads: string[];
  text(uri: string, options?: ReadOptions): Promise<string | undefined>;
}

/** `private://…` and `public://…`, both of whom say who they think is reading. */
function fixture(maxEntries = 50): Fixture {
  const clock = new ManualClock();
  const cache = new ResourceCache<ReadResult>({ clock, maxEntries });
  const manager = new ResourceManager({ cache });
  const loads: string[] = [];
  for (const scope of ['private', 'public']) {
    manager.register(
      `${scope}://{+rest}`,
      (uri, _, { principal, session }) => {
        loads.push(uri);
        return `${principal ?? session ?? 'anybody'} ${loads.length}`;
      },
      { public: scope === 'public', tags: [scope] },
    );
  }
  return {
    manager,
    cache,
    clock,
    loads,
    text: async (uri, options) => (await manager.read(uri, options)).contents[0]?.text,
  };
}

describe('partitions', () => {
  watchProcess();

  it('keep principals and sessions apart, and each for itself [MANAGER-PRINCIPALS]', async () => {
    const { text, loads } = fixture();
    const readers: ReadOptions[] = [
      ANN,
      BOB,
      { session: 'ann' },
      { session: 'bob' },
      { principal: '__proto__' },
      { session: 'constructor' },
      { principal: 'public' },
    ];
    const first = await Promise.all(readers.map((reader) => text('private://x', reader)));
    expect(first).toEqual([
      'ann 1',
      'bob 2',
      'ann 3',
      'bob 4',
      '__proto__ 5',
      'constructor 6',
      'public 7',
    ]);
    expect(await Promise.all(readers.map((reader) => text('private://x', reader)))).toEqual(first);
    expect(loads).toHaveLength(readers.length);
  });

  it('tell a loader of a principal nothing of the session [MANAGER-PRINCIPALS]', async () => {
    const { manager } = fixture();
    const told: unknown[] = [];
    manager.register('told://x', (_uri, _params, { principal, session }) => {
      told.push({ principal, session });
      return session ?? 'for every session';
    });
    const { contents } = await manager.read('told://x', { ...ANN, session: 'first' });
    expect(contents[0]?.text).toBe('for every session');
    await manager.read('told://x', { session: 'first' });
    expect(told).toEqual([
      { principal: 'ann', session: undefined },
      { principal: undefined, session: 'first' },
    ]);
  });

  it('are of the principal, whatever the session [MANAGER-PRINCIPALS]', async () => {
    const { text } = fixture();
    expect(await text('private://x', { ...ANN, session: 's1' })).toBe('ann 1');
    expect(await text('private://x', { ...ANN, session: 's2' })).toBe('ann 1');
    expect(await text('private://x', { session: 's1' })).toBe('s1 2');
  });

  it('are one for public patterns, whose loader is not told who reads [MANAGER-PRINCIPALS]', async () => {
    const { text, cache } = fixture();
    expect(await text('public://x', ANN)).toBe('anybody 1');
    expect(await text('public://x', { session: 's' })).toBe('anybody 1');
    expect(await text('public://x')).toBe('anybody 1');
    expect([...cache.keys()]).toEqual(['public://x']);
  });

  it('have single flights of their own [MANAGER-PRINCIPALS]', async () => {
    const { manager } = fixture();
    const origins: Deferred<string>[] = [];
    manager.register('slow://{x}', () => {
      const origin = deferred<string>();
      origins.push(origin);
      return origin.promise;
    });
    const reads = [ANN, ANN, BOB].map((reader) => manager.read('slow://x', reader));
    expect(origins).toHaveLength(2);
    origins[0]?.resolve('for ann');
    origins[1]?.resolve('for bob');
    const texts = (await Promise.all(reads)).map(({ contents }) => contents[0]?.text);
    expect(texts).toEqual(['for ann', 'for ann', 'for bob']);
  });

  it('do not exist for a reader of whom nothing is known: no cache, no joint load [DEPART-NO-PRINCIPAL] [HAZARD-19]', async () => {
    const { manager, text, cache } = fixture();
    const accessed: ResourceEvent<ReadResult>[] = [];
    manager.on('accessed', (event) => accessed.push(event));
    expect(await Promise.all([text('private://x'), text('private://x')])).toEqual([
      'anybody 1',
      'anybody 2',
    ]);
    expect(await text('private://x')).toBe('anybody 3');
    expect(cache.size).toBe(0);
    expect(manager.stats()).toMatchObject({ uncachedReads: 3, hits: 0 });
    expect(accessed.map(({ uri, metadata }) => [uri, metadata])).toEqual(
      Array.from({ length: 3 }, () => ['private://x', { cached: false }]),
    );
  });

  it('do not show who they belong to [MANAGER-PRINCIPALS]', async () => {
    const { manager, text, cache } = fixture();
    const events: ResourceEvent<ReadResult>[] = [];
    for (const name of ['loaded', 'accessed', 'invalidated'] as const) {
      manager.on(name, (event) => events.push({ ...event, value: { contents: [] } }));
    }
    await text('private://x', { principal: 'secret-principal' });
    await text('private://x', { session: 'secret-session' });
    await text('public://x');
    manager.clear();
    const { value: _, ...first } = events[0] as ResourceEvent<ReadResult>;
    expect(first).toMatchObject({ uri: 'private://x', event: 'loaded' });
    expect(new Set(events.map(({ metadata }) => metadata?.['partition'])).size).toBe(3);
    expect(events.every(({ uri }) => !uri.includes('\u0000'))).toBe(true);
    expect(JSON.stringify([events, [...cache.keys()]])).not.toContain('secret');
  });

  it('hide their key from errors [MANAGER-PRINCIPALS]', async () => {
    const { manager } = fixture();
    manager.register('bad://{x}', () => Promise.reject(new Error('no')));
    const controller = new AbortController();
    manager.register('slow://{x}', () => new Promise(() => {}));
    const aborted = manager.read('slow://x', { ...ANN, signal: controller.signal });
    controller.abort();
    for (const [read, code] of [
      [manager.read('bad://x', ANN), 'ERR_GRANARY_LOAD_FAILED'],
      [aborted, 'ERR_GRANARY_ABORTED'],
    ] as const) {
      const error = await granaryFailure(() => read, code);
      expect(error.message).not.toContain('\u0000');
      expect(error.data['uri']).toMatch(/^(bad|slow):\/\/x$/);
    }
  });
});

describe('invalidation', () => {
  watchProcess();
  const uris = ['private://a', 'private://a/b', 'private://c', 'public://a'];

  async function filled(): Promise<Fixture> {
    const made = fixture();
    for (const uri of uris) for (const reader of [ANN, BOB]) await made.text(uri, reader);
    made.loads.length = 0;
    return made;
  }

  it('drops every partition of a URI and no other URI [MANAGER-INVALIDATE]', async () => {
    const { manager, text, loads } = await filled();
    expect(manager.invalidate('private://a')).toBe(true);
    expect(manager.invalidate('private://a')).toBe(false);
    for (const uri of uris) for (const reader of [ANN, BOB]) await text(uri, reader);
    expect(loads).toEqual(['private://a', 'private://a']);
  });

  it.each<[RegExp | string, string[]]>([
    ['private://*', ['private://a', 'private://a/b', 'private://c']],
    ['private://a*', ['private://a', 'private://a/b']],
    ['private://{x}', ['private://a', 'private://c']],
    ['{s}://a', ['private://a', 'public://a']],
    ['private://{x}/b', ['private://a/b']],
    [/.*:..a$/, ['private://a', 'public://a']],
    [/private:...$/, ['private://a', 'private://c']],
    ['private://a', ['private://a']],
  ])('by %s looks at URIs, not at keys [MANAGER-INVALIDATE]', async (pattern, expected) => {
    const { manager, text, loads } = await filled();
    const partitions = expected.map((uri) => (uri.startsWith('public') ? 1 : 2));
    expect(manager.invalidatePattern(pattern)).toBe(partitions.reduce((a, b) => a + b, 0));
    expect(manager.invalidatePattern(pattern)).toBe(0);
    for (const uri of uris) for (const reader of [ANN, BOB]) await text(uri, reader);
    expect(new Set(loads)).toEqual(new Set(expected));
  });

  it.each<[string, RegExp | string, string[]]>([
    ['a template', 'private://x{+rest}', ['private://xy']],
    ['a template of any scheme', '{scheme}://x{rest}', ['private://xy', 'public://xy']],
    ['a RegExp', /p\w+:\/\/x[^]{1,30}$/, ['private://xy', 'public://xy']],
    ['a RegExp for hashes', /[^]*\0/, []],
    ['a prefix with a separator', 'private://x\0*', []],
  ])('by %s matches URIs, not keys [MANAGER-INVALIDATE]', async (_, pattern, matching) => {
    const { manager, text, loads } = fixture();
    const uris = ['private://x', 'private://xy', 'public://x', 'public://xy'];
    for (const uri of uris) await text(uri, ANN);
    expect(manager.invalidatePattern(pattern)).toBe(matching.length);
    loads.length = 0;
    for (const uri of uris) await text(uri, ANN);
    expect(loads).toEqual(matching);
  });

  it('by a template reaches loads of URIs that match, and no others [HAZARD-15-DETACH]', async () => {
    const { manager } = fixture();
    const origins = new Map<string, Deferred<string>>();
    for (const scope of ['own', 'open']) {
      manager.register(
        `${scope}://{x}`,
        (uri) => {
          const origin = deferred<string>();
          origins.set(uri, origin);
          return origin.promise;
        },
        { public: scope === 'open' },
      );
    }
    const uris = ['own://x', 'own://xy', 'open://x', 'open://xy'];
    const reads = uris.map((uri) => manager.read(uri, ANN));
    expect(manager.invalidatePattern('{scope}://x{rest}')).toBe(0);
    for (const origin of origins.values()) origin.resolve('old');
    await Promise.all(reads);
    origins.clear();
    const later = uris.map((uri) => manager.read(uri, ANN));
    expect([...origins.keys()]).toEqual(['own://xy', 'open://xy']);
    for (const origin of origins.values()) origin.resolve('new');
    await Promise.all(later);
  });

  it('by tag and clear reaches every partition [MANAGER-INVALIDATE]', async () => {
    const { manager, cache } = await filled();
    expect(manager.invalidateTag('private')).toBe(6);
    expect([...cache.keys()]).toEqual(['public://a']);
    manager.clear();
    expect(cache.size).toBe(0);
  });

  it('tells listeners when all partitions are gone [EVENT-ORDER]', async () => {
    const { manager, cache } = await filled();
    const sizes: number[] = [];
    manager.on('invalidated', () => sizes.push(cache.size));
    manager.invalidate('private://a');
    expect(sizes).toEqual([5, 5]);
    manager.invalidatePattern('private://*');
    expect(sizes.slice(2)).toEqual([1, 1, 1, 1]);
  });

  it('through one manager reaches what another has read into the same cache [MANAGER-INVALIDATE]', async () => {
    const { cache, manager, text, loads } = await filled();
    const other = new ResourceManager({ cache });
    expect(other.invalidate('private://a')).toBe(true);
    await text('private://a', ANN);
    expect(loads).toEqual(['private://a']);
    other.close();
    expect(manager.invalidate('private://c')).toBe(true);
  });

  it.each<[string, (manager: ResourceManager) => void]>([
    ['its URI', (manager) => void manager.invalidate('slow://x')],
    ['a template', (manager) => void manager.invalidatePattern('slow://{any}')],
    ['a prefix', (manager) => void manager.invalidatePattern('slow:*')],
    ['a RegExp', (manager) => void manager.invalidatePattern(/slow:..x$/)],
    ['its tag', (manager) => void manager.invalidateTag('slow')],
    ['clear', (manager) => manager.clear()],
  ])(
    'by %s detaches the first load of a partition [HAZARD-15-DETACH] [HAZARD-15]',
    async (_, drop) => {
      const { manager, text } = fixture();
      const origins: Deferred<string>[] = [];
      manager.register(
        'slow://{x}',
        () => {
          const origin = deferred<string>();
          origins.push(origin);
          return origin.promise;
        },
        { tags: ['slow'] },
      );
      const before = text('slow://x', ANN);
      drop(manager);
      const after = text('slow://x', ANN);
      expect(origins).toHaveLength(2);
      origins[1]?.resolve('new');
      expect(await after).toBe('new');
      origins[0]?.resolve('old');
      expect(await before).toBe('old');
      expect(await text('slow://x', ANN)).toBe('new');
    },
  );

  it('finds a partition between the end of its loader and its storing [HAZARD-15-DETACH]', async () => {
    const { manager, text } = fixture();
    let version = 1;
    manager.register('v://{x}', async () => {
      const read = version;
      await Promise.resolve();
      return read;
    });
    for (let turns = 0; turns < 12; turns++) {
      manager.clear();
      const read = text('v://x', ANN);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      version++;
      manager.invalidate('v://x');
      await read;
      expect(await text('v://x', ANN), `after ${turns} turns`).toBe(String(version));
    }
  });
});

describe('aborting', () => {
  watchProcess();

  it.each<[string, ReadOptions]>([
    ['a principal', ANN],
    ['a session', { session: 's' }],
  ])(
    'leaves the others of %s aboard; the last to leave aborts the loader [LOAD-ABORT-ALONE] [LOAD-ABORT-LAST]',
    async (_, reader) => {
      const { manager } = fixture();
      let signal: AbortSignal | undefined;
      manager.register('slow://{x}', (_uri, _params, context) => {
        signal = context.signal;
        return new Promise(() => {});
      });
      const [one, two] = [new AbortController(), new AbortController()];
      const reads = [one, two].map((controller) =>
        manager.read('slow://x', { ...reader, signal: controller.signal }),
      );
      one.abort();
      await granaryFailure(() => reads[0], 'ERR_GRANARY_ABORTED');
      expect(signal?.aborted).toBe(false);
      two.abort();
      await granaryFailure(() => reads[1], 'ERR_GRANARY_ABORTED');
      expect(signal?.aborted).toBe(true);
    },
  );

  it('reaches the loader of an uncached read at once [LOAD-ABORT-LAST]', async () => {
    const { manager } = fixture();
    let signal: AbortSignal | undefined;
    manager.register('slow://{x}', (_uri, _params, context) => {
      signal = context.signal;
      context.setTtl(5);
      context.setTags(['t']);
      return new Promise(() => {});
    });
    const controller = new AbortController();
    const read = manager.read('slow://x', { signal: controller.signal });
    await settled();
    const reason = new Error('enough');
    controller.abort(reason);
    expect((await granaryFailure(() => read, 'ERR_GRANARY_ABORTED')).cause).toBe(reason);
    expect(signal?.aborted).toBe(true);
    await granaryFailure(
      () => manager.read('private://x', { signal: controller.signal }),
      'ERR_GRANARY_ABORTED',
    );
  });

  it('never happens to an uncached read that fails or succeeds [LOAD-FAILURE]', async () => {
    const { manager, text } = fixture();
    const cause = new Error('no');
    manager.register('bad://{x}', () => Promise.reject(cause));
    const { signal } = new AbortController();
    const error = await granaryFailure(
      () => manager.read('bad://x', { signal }),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(error.cause).toBe(cause);
    expect(await text('private://x', { signal })).toBe('anybody 1');
  });
});

describe('PartitionIndex', () => {
  function indexOf(): { index: PartitionIndex; held: Set<string> } {
    const held = new Set<string>();
    return { index: new PartitionIndex((key) => held.has(key)), held };
  }

  it('forgets what was loaded in vain, and keeps what is held [MANAGER-INVALIDATE]', async () => {
    const { index, held } = indexOf();
    index.beginLoad('u', 'u\u00001');
    index.beginLoad('u', 'u\u00002');
    index.endLoad('u', 'u\u00001');
    index.endLoad('u', 'u\u00002');
    held.add('u\u00001');
    expect(index.keysOf('u')).toHaveLength(2);
    await settled();
    expect(index.keysOf('u')).toEqual(['u\u00001']);
    index.forget('u', 'u\u00001');
    expect(index.size).toBe(0);
  });

  it('keeps a key while any load of it goes on [HAZARD-15-DETACH]', async () => {
    const { index } = indexOf();
    index.beginLoad('u', 'k');
    index.beginLoad('u', 'k');
    index.endLoad('u', 'k');
    await settled();
    index.forget('u', 'k');
    expect(index.keysOf('u')).toEqual(['k']);
    index.endLoad('u', 'k');
    await settled();
    expect(index.size).toBe(0);
  });

  it('finds by template and prefix what came before and after the first query [INVALIDATE-TEMPLATE]', () => {
    const { index } = indexOf();
    const template = parsePattern('a://{x}');
    index.add('a://1', 'a://1\u0000p');
    expect(index.keysMatching(template)).toHaveLength(1);
    for (let n = 2; n < 3_000; n++) index.add(`a://${n}`, `a://${n}\u0000p`);
    index.add('a://1/2', 'a://1/2\u0000p');
    expect(index.keysMatching(template)).toHaveLength(2_999);
    for (let n = 1; n < 3_000; n++) index.forget(`a://${n}`, `a://${n}\u0000p`);
    expect(index.keysMatching(parsePattern('a://*'))).toEqual(['a://1/2\u0000p']);
    for (let n = 0; n < 3_000; n++) {
      index.add(`a://${n}`, `a://${n}\u0000p`);
      index.forget(`a://${n}`, `a://${n}\u0000p`);
    }
    expect(index.keysMatching(parsePattern(/.*/))).toEqual(['a://1/2\u0000p']);
    expect(index.keysMatching(parsePattern('a://1/2'))).toEqual(['a://1/2\u0000p']);
  });

  it('gives up an order of URIs that nobody asks for any more [INVALIDATE-TEMPLATE]', () => {
    const { index } = indexOf();
    index.add('a://kept', 'a://kept\u0000p');
    index.keysMatching(parsePattern('a://*'));
    const ordered = vi.spyOn(KeyIndex.prototype, 'add');
    for (let n = 0; n < 20_000; n++) {
      index.add(`a://${n}`, `a://${n}\u0000p`);
      index.forget(`a://${n}`, `a://${n}\u0000p`);
    }
    expect(ordered.mock.calls.length).toBeLessThan(2_000);
    ordered.mockRestore();
    expect(index.keysMatching(parsePattern('a://*'))).toEqual(['a://kept\u0000p']);
  });

  it('stays as small as the cache through evictions, expiries and failures [MANAGER-INVALIDATE]', async () => {
    const clock = new ManualClock();
    const cache = new ResourceCache<ReadResult>({ clock, maxEntries: 10, ttlMs: 100 });
    const manager = new ResourceManager({ cache });
    manager.register('a://{x}', (_, { x }) => {
      if (Number(x) % 3 === 0) throw new Error('no');
      return x;
    });
    for (let n = 0; n < 200; n++) {
      await manager.read(`a://${n}`, ANN).catch(() => {});
      if (n % 50 === 0) clock.advance(101);
    }
    await settled();
    expect(cache.size).toBe(10);
    expect(manager.invalidatePattern(/a:/)).toBe(10);
    expect(manager.invalidatePattern(/a:/)).toBe(0);
  });
});
