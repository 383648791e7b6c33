import { describe, expect, it } from 'vitest';

import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';

const TTL_MS = 60_000;

function fixture(storage: 'heap' | 'native' = 'heap') {
  const clock = new ManualClock();
  const manager = new ResourceManager({ clock, ttlMs: TTL_MS, storage });
  const made = { clock, manager, content: 'first', loads: 0, told: [] as string[] };
  const load = (uri: string): string => {
    made.loads++;
    return `${made.content} ${uri}`;
  };
  manager.register('public://{x}', load, { public: true, tags: ['all'] });
  manager.register('own://{x}', load, { tags: ['all'] });
  manager.register('chosen://{x}', (uri, _, context) => {
    context.setTags(['chosen']);
    return load(uri);
  });
  return made;
}

describe('watchAll', () => {
  const { warnings } = watchProcess();

  it('tells of what is dropped, by URI whether it is held or not, once for all copies [MANAGER-WATCH-ALL]', async () => {
    const { manager, told } = fixture();
    const end = manager.watchAll((uri) => void told.push(uri));
    manager.invalidate('public://never-read');
    expect(told.splice(0)).toEqual(['public://never-read']);
    await manager.read('own://a', { principal: 'ann' });
    await manager.read('own://a', { principal: 'bob' });
    manager.invalidate('own://a');
    expect(told.splice(0)).toEqual(['own://a']);
    end();
    end();
    manager.invalidate('own://a');
    expect(told).toEqual([]);
    manager.close();
  });

  it('tells of what matches a tag, a pattern or all, and was read lately [MANAGER-WATCH-ALL]', async () => {
    const { clock, manager, told } = fixture();
    using _ = { [Symbol.dispose]: manager.watchAll((uri) => void told.push(uri)) };
    for (const uri of ['public://a', 'public://b', 'chosen://a']) {
      await manager.read(uri, { principal: 'ann' });
    }
    clock.advance(TTL_MS + 1);
    manager.cleanupExpired(); // nothing is held any more
    manager.invalidateTag('all');
    expect(told.splice(0).toSorted(undefined)).toEqual(['public://a', 'public://b']);
    manager.invalidateTag('chosen');
    expect(told.splice(0)).toEqual(['chosen://a']);
    manager.invalidatePattern(/public:\/\/b/);
    expect(told.splice(0)).toEqual(['public://b']);
    manager.clear();
    expect(told.splice(0)).toHaveLength(3);
    manager.unregister('chosen://{x}');
    expect(told.splice(0)).toEqual(['chosen://a']);
    manager.close();
  });

  it('tells of a load that brings other content, by reader, and loads nothing itself [MANAGER-WATCH-ALL]', async () => {
    const made = fixture();
    const { clock, manager, told } = made;
    manager.watchAll((uri) => void told.push(uri));
    const readBoth = async (): Promise<void> => {
      await manager.read('own://a', { principal: 'ann' });
      await manager.read('own://a', { principal: 'bob' });
    };
    await readBoth();
    clock.advance(TTL_MS + 1);
    await readBoth();
    expect(told).toEqual([]);
    made.content = 'second';
    clock.advance(TTL_MS + 1);
    manager.cleanupExpired();
    expect(made.loads).toBe(4);
    await readBoth();
    expect(told).toEqual(['own://a', 'own://a']);
    manager.invalidate('own://a');
    told.splice(0);
    made.content = 'third';
    await readBoth();
    // What was told to be gone is not told to have changed.
    expect(told).toEqual([]);
    manager.close();
  });

  it('goes on where a listener throws, which is warned of [MANAGER-WATCH-ALL]', async () => {
    const { manager, told } = fixture();
    manager.watchAll(() => {
      throw new Error('bad listener');
    });
    manager.watchAll((uri) => void told.push(uri));
    manager.invalidate('public://a');
    expect(told).toEqual(['public://a']);
    expect((await warnings()).map(({ message }) => message)).toEqual([
      'a watch of all resources failed at public://a: Error: bad listener',
    ]);
    manager.close();
    await granaryFailure(() => manager.watchAll(() => {}), 'ERR_GRANARY_CLOSED');
  });

  it('remembers so many URIs and no more [MANAGER-WATCH-ALL]', async () => {
    const { manager, told } = fixture();
    manager.watchAll((uri) => void told.push(uri));
    for (let n = 0; n <= 10_000; n++) await manager.read(`public://${n}`);
    manager.clear();
    expect(told).toHaveLength(10_000);
    expect(told).not.toContain('public://0');
    manager.close();
  });
});

describe.each(['heap', 'native'] as const)('freshness of what is kept, storage %s', (storage) => {
  it('is what remains, for whoever may have it, of that very content [MANAGER-FRESHNESS]', async () => {
    const made = fixture(storage);
    const { clock, manager } = made;
    const ann = { principal: 'ann' };
    expect(manager.freshness('own://a', ann)).toBeUndefined();
    const content = await manager.read('own://a', ann);
    const seen = await manager.read('public://a');
    clock.advance(10_000);
    expect(manager.freshness('own://a', ann)).toEqual({ remainingMs: 50_000, public: false });
    expect(manager.freshness('public://a', ann, seen)).toEqual({
      remainingMs: 50_000,
      public: true,
    });
    expect(manager.freshness('own://a', { principal: 'bob' })).toBeUndefined();
    expect(manager.freshness('own://a')).toBeUndefined();
    expect(manager.freshness('nothing://here', ann)).toBeUndefined();
    made.content = 'second';
    manager.invalidate('own://a');
    await manager.read('own://a', ann);
    expect(manager.freshness('own://a', ann, content)).toBeUndefined();
    expect(manager.freshness('own://a', ann)).toEqual({ remainingMs: TTL_MS, public: false });
    manager.close();
    await granaryFailure(() => manager.freshness('own://a', ann), 'ERR_GRANARY_CLOSED');
  });
});
