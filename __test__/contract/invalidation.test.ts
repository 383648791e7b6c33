import { expect, it, vi } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';

const URIS = [
  'user://1',
  'user://1/profile',
  'user://1/posts/7',
  'user://2/profile',
  'user://12',
  'file:///user://1',
  'user:// 1',
];

describeEachVariant('invalidation', (variant) => {
  function openFilled() {
    const opened = variant.open<string>();
    for (const uri of URIS) opened.cache.set(uri, `value of ${uri}`);
    return opened;
  }

  it('removes one URI and tells whether it was there [CACHE-INVALIDATE]', () => {
    const { cache } = openFilled();
    expect(cache.invalidate('user://1')).toBe(true);
    expect(cache.invalidate('user://1')).toBe(false);
    expect(cache.invalidate('user://9')).toBe(false);
    expect([cache.size, cache.get('user://1'), cache.has('user://12')]).toEqual([
      6,
      undefined,
      true,
    ]);
  });

  it('does not count what has expired [CACHE-INVALIDATE, EVENT-EXPIRED, EVENT-INVALIDATED]', () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10 });
    const log = new EventLog(cache);
    for (const uri of URIS) cache.set(uri, 'v', { tags: ['red'] });
    clock.advance(11);
    cache.set('user://alive', 'v', { tags: ['red'] });
    expect(cache.invalidate('user://1')).toBe(false);
    expect(cache.invalidatePattern('user://1/*')).toBe(0);
    expect(cache.invalidateTag('red')).toBe(1);
    cache.clear();
    const titles = log.takeTitles();
    expect(titles.filter((title) => title.startsWith('invalidated'))).toEqual([
      'invalidated user://alive',
    ]);
    expect(titles.filter((title) => title.startsWith('expired'))).toHaveLength(URIS.length);
    expect(cache.stats()).toMatchObject({ expirations: URIS.length, invalidations: 1 });
  });

  it.each<[string | RegExp, string[]]>([
    // As Python's re.match: at index 0, not necessarily to the end.
    [/user:\/\/1/, ['user://1', 'user://1/profile', 'user://1/posts/7', 'user://12']],
    [/user:\/\/1$/, ['user://1']],
    [/^user:\/\/\d+\/profile/, ['user://1/profile', 'user://2/profile']],
    [/profile/, []],
    [/.*profile/g, ['user://1/profile', 'user://2/profile']],
    [/USER:\/\/2/iy, ['user://2/profile']],
    [/(?:)/, URIS],
    ['user://{id}/profile', ['user://1/profile', 'user://2/profile']],
    ['user://1/{+rest}', ['user://1/profile', 'user://1/posts/7']],
    ['{scheme}://2/profile', ['user://2/profile']],
    ['user://1/*', ['user://1/profile', 'user://1/posts/7']],
    ['user*', URIS.filter((uri) => uri.startsWith('user'))],
    ['*', URIS],
    ['user://1', ['user://1']],
    // Not a regular expression: a dot is a dot.
    ['user:...', []],
    ['.*', []],
  ])(
    'by %s removes what it matches, no more, and counts it [CACHE-INVALIDATE-PATTERN, INVALIDATE-REGEXP, INVALIDATE-TEMPLATE, INVALIDATE-PREFIX, DEPART-STRING-PATTERN]',
    (pattern, matched) => {
      const { cache } = openFilled();
      const log = new EventLog(cache);
      expect(cache.invalidatePattern(pattern)).toBe(matched.length);
      expect([...cache.keys()]).toEqual(URIS.filter((uri) => !matched.includes(uri)));
      expect(log.takeTitles().sort()).toEqual(matched.map((uri) => `invalidated ${uri}`).sort());
      expect(cache.invalidatePattern(pattern)).toBe(0);
    },
  );

  it('ignores g, y and lastIndex, and leaves the expression as it was [INVALIDATE-REGEXP]', () => {
    for (const flags of ['', 'g', 'y', 'gy']) {
      const { cache } = openFilled();
      const pattern = new RegExp('user://1', flags);
      pattern.lastIndex = 4;
      expect([flags, cache.invalidatePattern(pattern)]).toEqual([flags, 4]);
      expect(pattern.lastIndex).toBe(4);
    }
  });

  it('keeps finding by prefix while entries come and go [INVALIDATE-PREFIX, INVALIDATE-TEMPLATE]', () => {
    const { cache, clock } = variant.open<number>({ ttlMs: 1_000 });
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 15; n++) cache.set(`mem://${n % 3}/${n}`, n);
      cache.invalidate('mem://1/1');
      if (round === 3) clock.advance(1_001);
      cache.set('mem://1/new', round);
      expect(cache.invalidatePattern('mem://1/*')).toBe(round === 3 ? 1 : 5);
      expect(cache.invalidatePattern('mem://1/{n}')).toBe(0);
      expect(cache.invalidatePattern('mem://2/{n}')).toBe(round === 3 ? 0 : 5);
      if (round === 4) cache.clear();
      if (round === 5) cache.sync();
    }
  });

  it('by template or prefix looks only at keys with its literal prefix [INVALIDATE-PREFIX, INVALIDATE-TEMPLATE]', () => {
    const { cache } = variant.open<number>({ maxEntries: 20_000 });
    for (let n = 0; n < 10_000; n++) cache.set(`mem://${n % 500}/${n}`, n);
    cache.invalidatePattern('mem://0/*');
    // Every comparison of a key with a prefix goes through it, so a scan of all keys would show.
    const startsWith = vi.spyOn(String.prototype, 'startsWith');
    const byPrefix = cache.invalidatePattern('mem://123/*');
    const looks = startsWith.mock.calls.length;
    const byTemplate = cache.invalidatePattern('mem://321/{n}');
    const looksInAll = startsWith.mock.calls.length;
    startsWith.mockRestore();
    expect([byPrefix, byTemplate]).toEqual([20, 20]);
    // Rust compares prefixes by itself; what it hands over for a template, JS looks at.
    expect(looks).toBeGreaterThanOrEqual(variant.storage === 'heap' ? 20 : 0);
    expect(looksInAll).toBeLessThan(300);
    expect(cache.size).toBe(10_000 - 60);
  });

  it('removes by tag, and forgets the tags of what is gone or replaced [INVALIDATE-TAG]', () => {
    const { cache, clock } = variant.open<string>();
    const log = new EventLog(cache);
    cache.set('mem://red', 'v', { tags: ['red'] });
    cache.set('mem://both', 'v', { tags: ['red', 'blue'] });
    cache.set('mem://blue', 'v', { tags: ['blue'] });
    cache.set('mem://bare', 'v');
    cache.set('mem://was-red', 'v', { tags: ['red'] });
    cache.set('mem://was-red', 'w', { tags: ['blue'] });
    cache.set('mem://brief', 'v', { tags: ['red'], ttlMs: 1 });
    cache.set('mem://gone', 'v', { tags: ['red'] });
    cache.invalidate('mem://gone');
    clock.advance(2);
    cache.sync();
    log.take();
    expect(cache.invalidateTag('red')).toBe(2);
    expect(log.takeTitles()).toEqual(['invalidated mem://red', 'invalidated mem://both']);
    expect(cache.invalidateTag('red')).toBe(0);
    expect(cache.invalidateTag('blue')).toBe(2);
    expect([...cache.keys()]).toEqual(['mem://bare']);
  });

  it('keeps its own copy of tags [INVALIDATE-TAG, CACHE-INFO]', () => {
    const { cache } = variant.open<string>();
    const tags = ['red'];
    cache.set('mem://a', 'v', { tags });
    tags[0] = 'blue';
    try {
      (cache.info('mem://a')!.tags as string[]).push('green');
    } catch {
      // A frozen list is as good as a copy.
    }
    expect(cache.info('mem://a')?.tags).toEqual(['red']);
    expect(cache.invalidateTag('green')).toBe(0);
    expect(cache.invalidateTag('red')).toBe(1);
    expect(cache.size).toBe(0);
  });

  it('clears everything [CACHE-CLEAR]', () => {
    const { cache } = openFilled();
    const log = new EventLog(cache);
    cache.clear();
    expect([cache.size, cache.weightBytes, [...cache].length]).toEqual([0, 0, 0]);
    expect(log.takeTitles()).toEqual(URIS.map((uri) => `invalidated ${uri}`));
    expect(cache.stats().invalidations).toBe(URIS.length);
    for (const uri of URIS) cache.set(uri, 'anew');
    cache.sync();
    expect(cache.size).toBe(URIS.length);
  });

  it('refuses a template that it cannot read, and drops nothing [INVALIDATE-TEMPLATE]', async () => {
    const { cache } = openFilled();
    const failure = await granaryFailure(
      () => cache.invalidatePattern('user://{'),
      'ERR_GRANARY_BAD_TEMPLATE',
    );
    expect(failure.message).toContain('user://{');
    expect(cache.size).toBe(URIS.length);
  });
});
