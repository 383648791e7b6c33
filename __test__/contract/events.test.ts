import { expect, it } from 'vitest';
import { RESOURCE_EVENT_NAMES, type ResourceEvent } from '../../src/events/resource-event.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { watchProcess } from '../support/process-signals.ts';

const A = 'mem://a';

describeEachVariant('events', (variant) => {
  const signals = watchProcess();

  it('come in five kinds, with URI, kind, value and metadata [EVENT-KINDS, EVENT-DATA, EVENT-LOADED, EVENT-ACCESSED, EVENT-INVALIDATED, EVENT-EXPIRED, EVENT-EVICTED]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10, maxBytes: 100 });
    const log = new EventLog(cache);
    await cache.load(A, () => 'v');
    cache.get(A);
    cache.invalidate(A);
    cache.set(A, 'w');
    clock.advance(11);
    cache.sync();
    cache.set('mem://large', 'x', { weightBytes: 101 });
    expect(log.take()).toEqual([
      { uri: A, event: 'loaded', value: 'v' },
      { uri: A, event: 'accessed', value: 'v' },
      { uri: A, event: 'accessed', value: 'v' },
      { uri: A, event: 'invalidated', value: 'v' },
      { uri: A, event: 'expired', value: 'w' },
      { uri: 'mem://large', event: 'evicted', value: 'x', metadata: { cause: 'too-large' } },
    ]);
  });

  it('set fires none of its own, also where it replaces [EVENT-ORDER]', () => {
    const { cache } = variant.open<string>();
    const log = new EventLog(cache);
    cache.set(A, 'v');
    cache.set(A, 'w');
    cache.setMany([[A, 'x']]);
    expect(log.take()).toEqual([]);
  });

  it('accessed fires for each caller of a load, and for no miss [EVENT-ACCESSED]', async () => {
    const { cache } = variant.open<string>();
    const log = new EventLog(cache);
    cache.get(A);
    cache.peek(A);
    await granaryFailure(() => cache.load(A), 'ERR_GRANARY_NO_LOADER');
    expect(log.take()).toEqual([]);
    await Promise.all([1, 2, 3].map(async () => cache.load(A, async () => 'v')));
    expect(log.takeTitles()).toEqual([
      `loaded ${A}`,
      `accessed ${A}`,
      `accessed ${A}`,
      `accessed ${A}`,
    ]);
    cache.getMany([A, 'mem://none']);
    await cache.load(A);
    expect(log.takeTitles()).toEqual([`accessed ${A}`, `accessed ${A}`]);
  });

  it('invalidated fires one per entry, and for nothing that was not there [EVENT-INVALIDATED, CACHE-CLEAR]', () => {
    const { cache } = variant.open<number>();
    const log = new EventLog(cache);
    for (let n = 1; n <= 6; n++) cache.set(`mem://${n}`, n, { tags: n === 2 ? ['even'] : [] });
    expect(cache.invalidate('mem://none')).toBe(false);
    expect(cache.invalidateTag('odd')).toBe(0);
    expect(cache.invalidatePattern('none*')).toBe(0);
    expect(log.take()).toEqual([]);
    cache.invalidate('mem://1');
    cache.invalidateTag('even');
    cache.invalidatePattern('mem://3');
    cache.invalidatePattern(/.*[45]/);
    cache.clear();
    cache.clear();
    expect(log.takeTitles()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `invalidated mem://${n}`));
  });

  it('reach their listeners after the state has changed, before the call returns [EVENT-ORDER, HAZARD-17-ORDER]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10, maxBytes: 100 });
    const states: unknown[] = [];
    for (const name of RESOURCE_EVENT_NAMES) {
      cache.on(name, ({ uri, event }) => {
        states.push([event, uri, cache.peek(uri), cache.size, cache.weightBytes]);
      });
    }
    const during = (call: () => void): unknown[] => {
      states.length = 0;
      call();
      return [...states];
    };
    cache.set(A, 'v');
    expect(during(() => cache.get(A))).toEqual([['accessed', A, 'v', 1, 1]]);
    expect(during(() => cache.invalidate(A))).toEqual([['invalidated', A, undefined, 0, 0]]);
    for (const uri of ['mem://1', 'mem://2', 'mem://3']) cache.set(uri, 'v');
    const gone = (name: string, uri: string) => [name, uri, undefined, 0, 0];
    expect(during(() => cache.clear())).toEqual(
      [1, 2, 3].map((n) => gone('invalidated', `mem://${n}`)),
    );
    cache.set(A, 'v');
    clock.advance(11);
    expect(during(() => cache.sync())).toEqual([gone('expired', A)]);
    expect(during(() => cache.set(A, 'v', { weightBytes: 101 }))).toEqual([gone('evicted', A)]);
    states.length = 0;
    await cache.load(A, () => 'loaded');
    expect(states).toEqual([
      ['loaded', A, 'loaded', 1, 6],
      ['accessed', A, 'loaded', 1, 6],
    ]);
  });

  it('reach every listener of their kind in the order of registration, and no other [EVENT-ON]', () => {
    const { cache } = variant.open<string>();
    const calls: string[] = [];
    const result = cache
      .on('accessed', ({ uri }) => calls.push(`first ${uri}`))
      .on('invalidated', ({ uri }) => calls.push(`other ${uri}`))
      .on('accessed', ({ uri }) => calls.push(`second ${uri}`));
    expect(result).toBe(cache);
    cache.set(A, 'v');
    cache.get(A);
    expect(calls).toEqual([`first ${A}`, `second ${A}`]);
  });

  it('stop for a listener that was removed, and after one for once [EVENT-OFF-ONCE]', () => {
    const { cache } = variant.open<string>();
    let calls = 0;
    const listener = (): void => {
      calls++;
    };
    cache.set(A, 'v');
    cache
      .on('accessed', listener)
      .off('invalidated', listener)
      .off('accessed', () => {});
    cache.get(A);
    expect(calls).toBe(1);
    expect(cache.off('accessed', listener)).toBe(cache);
    cache.get(A);
    cache.off('accessed', listener);
    expect(calls).toBe(1);
    expect(cache.once('accessed', listener)).toBe(cache);
    cache.get(A);
    cache.get(A);
    expect(calls).toBe(2);
    cache.once('accessed', listener).off('accessed', listener);
    cache.get(A);
    expect(calls).toBe(2);
  });

  it('go on past a listener that throws or rejects; each is one warning [EVENT-THROWS]', async () => {
    const { cache } = variant.open<string>();
    const calls: string[] = [];
    cache.on('accessed', () => {
      throw new Error('a listener that throws');
    });
    cache.on('accessed', async () => Promise.reject(new Error('a listener that rejects')));
    cache.on('accessed', ({ uri }) => calls.push(uri));
    cache.set(A, 'v');
    for (let at = 0; at < 3; at++) expect(cache.get(A)).toBe('v');
    expect(await cache.load(A)).toBe('v');
    expect(await cache.load('mem://b', () => 'w')).toBe('w');
    expect(calls).toEqual([A, A, A, A, 'mem://b']);
    const warnings = (await signals.warnings()).map(({ name, message }) => `${name} ${message}`);
    expect(warnings).toHaveLength(2);
    expect(warnings.join('\n')).toContain('a listener that throws');
    expect(warnings.join('\n')).toContain('a listener that rejects');
    expect(warnings.join('\n')).toContain("'accessed'");
  });
});

describeEachVariant('listeners that call back', (variant) => {
  const signals = watchProcess();

  it('may set, get, invalidate and load [EVENT-REENTRANT, HAZARD-17-ORDER]', async () => {
    const { cache } = variant.open<string>();
    const log: string[] = [];
    const loads: Promise<string>[] = [];
    for (const name of RESOURCE_EVENT_NAMES) {
      cache.on(name, ({ event, uri, value }) => log.push(`${event} ${uri} ${value}`));
    }
    cache.once('invalidated', ({ uri }) => {
      cache.set(uri, 'again');
      log.push(`got ${cache.get(uri)}`);
      log.push(`invalidated: ${cache.invalidate('mem://b')}`);
      loads.push(cache.load('mem://b', () => 'loaded'));
    });
    cache.set(A, 'v');
    cache.set('mem://b', 'w');
    expect(cache.invalidate(A)).toBe(true);
    expect(log).toEqual([
      `invalidated ${A} v`,
      `accessed ${A} again`,
      'got again',
      'invalidated mem://b w',
      'invalidated: true',
    ]);
    expect(await Promise.all(loads)).toEqual(['loaded']);
    expect([...cache]).toEqual([
      [A, 'again'],
      ['mem://b', 'loaded'],
    ]);
  });

  it('see all events in one order, each URI in its own, whoever causes them [HAZARD-17-ORDER, EVENT-REENTRANT]', () => {
    const { cache } = variant.open<number>();
    const seen: string[][] = [[], []];
    const note = (listener: number) => (event: ResourceEvent<number>) => {
      seen[listener]!.push(`${event.event} ${event.uri} ${event.value}`);
    };
    cache.on('invalidated', note(0)).on('accessed', note(0));
    cache.on('invalidated', ({ uri, value }) => {
      if (value! >= 3) return;
      cache.set(uri, value! + 1);
      cache.get(uri);
      cache.invalidate(uri);
    });
    cache.on('invalidated', note(1)).on('accessed', note(1));
    cache.set('mem://a', 1);
    cache.set('mem://b', 2);
    cache.clear();
    expect(seen[0]).toEqual(seen[1]);
    const of = (uri: string) => seen[0]!.filter((line) => line.includes(uri));
    expect(of('mem://a')).toEqual([
      'invalidated mem://a 1',
      'accessed mem://a 2',
      'invalidated mem://a 2',
      'accessed mem://a 3',
      'invalidated mem://a 3',
    ]);
    expect(of('mem://b')).toEqual([
      'invalidated mem://b 2',
      'accessed mem://b 3',
      'invalidated mem://b 3',
    ]);
    expect(cache.size).toBe(0);
  });

  it('may set from evicted and expired without breaking a bound [EVENT-REENTRANT, BOUND-BOTH]', () => {
    const { cache, clock } = variant.open<number>({ ttlMs: 10 });
    let budget = 500;
    const refill = ({ uri, value }: ResourceEvent<number>): void => {
      expect(cache.size).toBeLessThanOrEqual(variant.maxEntries);
      if (budget-- > 0) cache.set(`${uri}'`, value!, { ttlMs: 5 });
    };
    cache.on('evicted', refill).on('expired', refill);
    for (let n = 0; n < variant.maxEntries * 2; n++) {
      cache.set(`mem://${n}`, n);
      expect(cache.size).toBeLessThanOrEqual(variant.maxEntries);
    }
    for (let round = 0; round < 20; round++) {
      clock.advance(20);
      cache.sync();
      expect(cache.size).toBeLessThanOrEqual(variant.maxEntries);
    }
    budget = 0;
    clock.advance(20);
    cache.sync();
    expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
  });

  it('may call back during events by the ten thousand [EVENT-REENTRANT, EVENT-THROWS]', async () => {
    const { cache } = variant.open<number>({ maxEntries: 20_000 });
    const left = { peeked: 0, got: 0 };
    for (let n = 0; n < 10_000; n++) cache.set(`mem://${n}`, n);
    cache.set('other://a', 0);
    cache.on('invalidated', ({ uri }) => {
      if (cache.peek(uri) === undefined) left.peeked++;
    });
    cache.invalidatePattern('mem:*');
    expect(left).toEqual({ peeked: 10_000, got: 0 });
    for (let n = 0; n < 10_000; n++) cache.set(`mem://${n}`, n);
    cache.on('accessed', () => left.got++);
    cache.on('invalidated', () => void cache.get('other://a'));
    cache.invalidatePattern('mem:*');
    expect(left).toEqual({ peeked: 20_000, got: 10_000 });
    expect(await signals.warnings()).toEqual([]);
  });

  it('may close the cache: nothing follows, and the call returns [EVENT-REENTRANT, CACHE-CLOSE]', async () => {
    const { cache } = variant.open<string>();
    const later: string[] = [];
    cache.on('invalidated', () => cache.close());
    cache.on('invalidated', ({ uri }) => later.push(uri));
    cache.set('mem://a', 'v');
    cache.set('mem://b', 'v');
    cache.clear();
    expect(later).toEqual([]);
    expect(cache.size).toBe(0);
    const { cache: other } = variant.open<string>();
    other.on('loaded', () => other.close());
    expect(await other.load(A, () => 'v')).toBe('v');
    expect(other.size).toBe(0);
  });

  it('may add and remove listeners [EVENT-REENTRANT, EVENT-OFF-ONCE]', () => {
    const { cache } = variant.open<string>();
    const calls: string[] = [];
    const last = (): void => void calls.push('last');
    cache.on('accessed', () => {
      calls.push('first');
      cache.off('accessed', last);
      cache.once('accessed', () => calls.push('new'));
    });
    cache.on('accessed', last);
    cache.set(A, 'v');
    cache.get(A);
    expect(calls).toEqual(['first']);
    cache.get(A);
    expect(calls).toEqual(['first', 'first', 'new']);
  });
});
