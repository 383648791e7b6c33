import { afterEach, describe, expect, it } from 'vitest';

import { GranaryError } from '../../src/errors.ts';
import type { ManagerOptions } from '../../src/manager/manager-options.ts';
import type { Reader } from '../../src/manager/partition.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { unreferencedTimers } from '../../src/manager/resource-watcher.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const TTL_MS = 60_000;

/** A resource for every URI, whose content a test changes. */
class Origin {
  readonly clock = new ManualClock();
  readonly timers = new ManualTimers();
  readonly manager: ResourceManager;
  readonly told: string[] = [];
  content: unknown = 'first';
  loads = 0;

  constructor(options: ManagerOptions = {}) {
    this.manager = new ResourceManager({
      clock: this.clock,
      timers: this.timers,
      random: () => 0.5,
      ttlMs: TTL_MS,
      ...options,
    });
    for (const scope of ['public', 'private']) {
      this.manager.register(`${scope}://{x}`, () => this.#load(), {
        public: scope === 'public',
        tags: [scope],
      });
    }
  }

  async watch(uri: string, name = uri, reader?: Reader): Promise<() => void> {
    const end = this.manager.watch(uri, () => void this.told.push(name), reader);
    await settled();
    return end;
  }

  async expire(): Promise<void> {
    this.clock.advance(TTL_MS + 1);
    this.manager.sync();
    await settled();
  }

  async fire(): Promise<number> {
    const fired = this.timers.fire();
    await settled();
    return fired;
  }

  #load(): unknown {
    this.loads++;
    if (this.content instanceof Error) throw this.content;
    return this.content;
  }
}

describe('watch', () => {
  watchProcess();
  let origin: Origin;
  const made: Origin[] = [];
  const originOf = (options?: ManagerOptions): Origin => {
    origin = new Origin(options);
    made.push(origin);
    return origin;
  };
  afterEach(() => {
    for (const { manager, timers } of made.splice(0)) {
      manager.close();
      expect(timers.delays, 'timers after close').toEqual([]);
    }
  });

  it('tells of every kind of invalidation, once each and only who watches [MCP-UPDATED]', async () => {
    const { manager, told } = originOf();
    await origin.watch('public://a');
    await origin.watch('public://b');
    for (const [drop, expected] of [
      [() => manager.invalidate('public://a'), ['public://a']],
      [() => manager.invalidate('public://c'), []],
      [() => manager.invalidatePattern('public://{x}'), ['public://a', 'public://b']],
      [() => manager.invalidatePattern('public://b*'), ['public://b']],
      [() => manager.invalidatePattern(/public:..a$/), ['public://a']],
      [() => manager.invalidatePattern('public://b'), ['public://b']],
      [() => manager.invalidateTag('public'), ['public://a', 'public://b']],
      [() => manager.invalidateTag('private'), []],
      [() => manager.clear(), ['public://a', 'public://b']],
    ] as const) {
      await manager.readMany(['public://a', 'public://b']);
      told.length = 0;
      drop();
      expect(told, drop.toString()).toEqual(expected);
      drop();
      expect(told, `${drop.toString()}, with nothing cached`).toEqual([...expected, ...expected]);
    }
  });

  it('tells of a tag that only the loader knew [MCP-UPDATED]', async () => {
    const { manager, told } = originOf();
    manager.register('tagged://{x}', (_, __, context) => context.setTags(['late']) ?? 1, {
      public: true,
    });
    await origin.watch('tagged://a');
    manager.invalidateTag('late');
    expect(told).toEqual(['tagged://a']);
  });

  it.each<[string, ManagerOptions]>([
    ['was evicted', { maxEntries: 1 }],
    ['was too large to be kept', { maxBytes: 1 }],
  ])('tells of a tag that only the loader knew of what %s [MCP-UPDATED]', async (_, options) => {
    const { manager, told } = originOf(options);
    let tag = 'first';
    for (const scope of ['open', 'own']) {
      manager.register(
        `${scope}://{x}`,
        (_uri, _params, context) => context.setTags([tag]) ?? 'large',
        {
          public: scope === 'open',
        },
      );
    }
    for (const [uri, reader] of [
      ['open://a', undefined],
      ['own://a', { principal: 'ann' }],
    ] as const) {
      tag = 'first';
      const end = await origin.watch(uri, uri, reader);
      await manager.read('public://b');
      manager.invalidateTag('first');
      expect(told.splice(0)).toEqual([uri]);
      tag = 'second';
      await manager.read(uri, reader);
      await manager.read('public://b');
      manager.invalidateTag('first');
      expect(told).toEqual([]);
      manager.invalidateTag('second');
      expect(told.splice(0)).toEqual([uri]);
      end();
    }
  });

  it('tells of a tag of what was held before the watch, and evicted since [MCP-UPDATED]', async () => {
    const { manager, told } = originOf({ maxEntries: 1 });
    manager.register('tagged://{x}', (_, __, context) => context.setTags(['late']) ?? 1, {
      public: true,
    });
    await manager.read('tagged://a');
    await origin.watch('tagged://a');
    await manager.read('public://b');
    manager.invalidateTag('late');
    expect(told).toEqual(['tagged://a']);
  });

  it('reaches every partition that is watched, by invalidate of the URI [MCP-UPDATED]', async () => {
    const { manager, told } = originOf();
    await origin.watch('private://a', 'ann', { principal: 'ann' });
    await origin.watch('private://a', 'bob', { principal: 'bob' });
    await origin.watch('private://a', 'nobody');
    manager.invalidate('private://a');
    expect(told.toSorted()).toEqual(['ann', 'bob', 'nobody']);
  });

  it('loads what is not cached at once, to have something to compare with [MCP-CONTENT-CHANGE]', async () => {
    const { told } = originOf();
    await origin.watch('public://a');
    expect(origin.loads).toBe(1);
    await origin.watch('public://a', 'again');
    expect(origin.loads).toBe(1);
    expect(told).toEqual([]);
  });

  it('reloads what expired, with jitter, and tells only when the content changed [MCP-CONTENT-CHANGE]', async () => {
    const { timers, told } = originOf({ reloadJitterMs: 400 });
    await origin.manager.read('public://a');
    await origin.watch('public://a');
    await origin.expire();
    expect(timers.delays).toEqual([200]);
    expect(origin.loads).toBe(1);
    expect(await origin.fire()).toBe(1);
    expect(origin.loads).toBe(2);
    expect(told).toEqual([]);

    origin.content = 'second';
    await origin.expire();
    await origin.fire();
    expect(told).toEqual(['public://a']);

    await origin.expire();
    await origin.fire();
    expect(told).toHaveLength(1);
  });

  it('reloads once for all who share a copy, and for each partition by itself [MCP-CONTENT-CHANGE]', async () => {
    const { told } = originOf();
    for (const name of ['one', 'two', 'three']) {
      await origin.watch('public://a', name, { session: name });
    }
    await origin.watch('private://a', 'ann', { principal: 'ann' });
    await origin.watch('private://a', 'bob', { principal: 'bob' });
    expect(origin.loads).toBe(3);
    origin.content = 'second';
    await origin.expire();
    expect(await origin.fire()).toBe(3);
    expect(origin.loads).toBe(6);
    expect(told.toSorted()).toEqual(['ann', 'bob', 'one', 'three', 'two']);
  });

  it('does not reload what somebody has read meanwhile [MCP-CONTENT-CHANGE]', async () => {
    const { manager, timers, told } = originOf();
    await origin.watch('public://a');
    await origin.expire();
    origin.content = 'second';
    await manager.read('public://a');
    expect(told).toEqual(['public://a']);
    expect(timers.delays).toEqual([]);
    expect(origin.loads).toBe(2);
  });

  it('tells once of an invalidation and the read that follows it [MCP-UPDATED]', async () => {
    const { manager, told } = originOf();
    await origin.watch('public://a');
    origin.content = 'second';
    manager.invalidate('public://a');
    await manager.read('public://a');
    expect(told).toEqual(['public://a']);
    origin.content = 'third';
    await origin.expire();
    await origin.fire();
    expect(told).toHaveLength(2);
  });

  it('looks again after a lifetime at what was evicted [MCP-CONTENT-CHANGE]', async () => {
    const { manager, timers, told } = originOf({ maxEntries: 1, reloadJitterMs: 0 });
    await origin.watch('public://a');
    await manager.read('public://b');
    expect(timers.delays).toEqual([TTL_MS]);
    origin.content = 'second';
    await origin.fire();
    expect(told).toEqual(['public://a']);
  });

  it('never polls for a TTL of 0 [DEPART-TTL-ZERO]', async () => {
    const { manager, timers } = originOf({ maxEntries: 1, ttlMs: 0 });
    await origin.watch('public://a');
    await manager.read('public://b');
    expect(timers.delays).toEqual([]);
  });

  it('backs off where the reload fails, and goes on after it [MCP-CONTENT-CHANGE]', async () => {
    const { timers, told } = originOf({ reloadJitterMs: 0 });
    await origin.watch('public://a');
    origin.content = new Error('origin down');
    await origin.expire();
    const delays: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 11; attempt++) {
      delays.push(timers.delays[0]);
      await origin.fire();
    }
    expect(delays.slice(0, 5)).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
    expect(delays.at(-1)).toBe(300_000);
    expect(told).toEqual([]);
    origin.content = 'second';
    await origin.fire();
    expect(told).toEqual(['public://a']);
  });

  it('tells once that a resource is gone, and once that it is back [MCP-CONTENT-CHANGE]', async () => {
    const { told } = originOf();
    await origin.watch('public://a');
    origin.content = new GranaryError('ERR_GRANARY_NO_MATCH', 'no such file');
    await origin.expire();
    for (let attempt = 0; attempt < 3; attempt++) await origin.fire();
    expect(told).toEqual(['public://a']);
    origin.content = 'first';
    await origin.fire();
    expect(told).toHaveLength(2);
  });

  it('ends: nothing is told, reloaded or kept any more [MCP-SUBSCRIBE]', async () => {
    const { manager, timers, told } = originOf();
    const ends = [await origin.watch('public://a'), await origin.watch('public://a')];
    await origin.expire();
    ends[0]?.();
    ends[0]?.();
    expect(timers.delays).toHaveLength(1);
    ends[1]?.();
    expect(timers.delays).toEqual([]);
    origin.content = 'second';
    await manager.read('public://a');
    manager.invalidate('public://a');
    expect(told).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['brings other content', 'second'],
    ['fails', new Error('origin down')],
  ])('may end while a reload is under way that %s [MCP-SUBSCRIBE]', async (_, content) => {
    const { timers, told } = originOf();
    const end = await origin.watch('public://a');
    origin.content = content;
    await origin.expire();
    timers.fire();
    end();
    await settled();
    expect(told).toEqual([]);
    expect(timers.delays).toEqual([]);
  });

  it('may be ended by the listener of another, which is told first [EVENT-REENTRANT]', async () => {
    const { manager, told } = originOf();
    const ends: (() => void)[] = [];
    manager.watch('public://a', () => {
      told.push('first');
      for (const end of ends) end();
    });
    ends.push(await origin.watch('public://a', 'second'));
    manager.invalidate('public://a');
    expect(told).toEqual(['first']);
  });

  it('follows its URI to another pattern and another partition [MCP-CONTENT-CHANGE]', async () => {
    const { manager, told } = originOf();
    await origin.watch('private://a', 'ann', { principal: 'ann' });
    manager.unregister('private://{x}');
    expect(told.splice(0)).toEqual(['ann']);
    let content = 'public now';
    manager.register('private://{x}', () => content, { public: true });
    expect(told.splice(0)).toEqual(['ann']);
    await settled();
    content = 'changed';
    await origin.expire();
    await origin.fire();
    expect(told).toEqual(['ann']);
  });

  it('goes on when a listener throws [EVENT-THROWS]', async () => {
    const { manager, told } = originOf();
    manager.watch('public://a', () => {
      throw new Error('bad listener');
    });
    await origin.watch('public://a');
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    manager.invalidate('public://a');
    expect(told).toEqual(['public://a']);
    expect((await warned).message).toContain('bad listener');
  });

  it('lets a listener read, watch and end watches [EVENT-REENTRANT]', async () => {
    const { manager, told } = originOf();
    await manager.read('public://a');
    const end = manager.watch('public://a', () => {
      end();
      manager.watch('public://a', () => void told.push('second'));
      told.push('first');
    });
    manager.invalidate('public://a');
    manager.invalidate('public://a');
    expect(told).toEqual(['first', 'second']);
    await settled();
  });

  it('tries again where content has no fingerprint, and rejects nothing [MCP-CONTENT-CHANGE]', async () => {
    const { manager, timers } = originOf();
    // As content does whose JSON would be longer than a string can be: it loads, and then throws.
    let looks = 0;
    const toJSON = (): string => {
      if (looks++ > 0) throw new RangeError('Invalid string length');
      return 'short';
    };
    const contents = [{ uri: 'long://x', text: '' }];
    manager.register('long://x', () => ({ contents, _meta: { toJSON } }), { public: true });
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    manager.watch('long://x', () => {});
    expect((await warned).message).toContain('Invalid string length');
    await settled();
    expect(timers.delays).toHaveLength(1);
  });

  it('uses timers of the process that do not keep it alive [MCP-CONTENT-CHANGE]', () => {
    const timer = unreferencedTimers.setTimeout(() => {}, 1_000) as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    unreferencedTimers.clearTimeout(timer);
  });
});
