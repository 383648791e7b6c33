import { afterEach, describe, expect, it } from 'vitest';
import type { GranaryError } from '../../src/errors.ts';
import type { RegisterOptions } from '../../src/registry/registration.ts';
import { UriRegistry } from '../../src/registry/uri-registry.ts';

function failure(action: () => unknown): GranaryError {
  try {
    action();
  } catch (error) {
    return error as GranaryError;
  }
  throw new Error('nothing was thrown');
}

function registryOf(...patterns: string[]): UriRegistry {
  const registry = new UriRegistry();
  for (const pattern of patterns) registry.register(pattern, () => pattern);
  return registry;
}

describe('register and resolve', () => {
  it('yields loader, params, TTL and the rest [REG-REGISTER] [REG-RESOLVE]', () => {
    const registry = new UriRegistry();
    const loader = (): string => 'text';
    const list = (): { uri: string }[] => [{ uri: 'user://1/profile' }];
    const id = (): string[] => ['1'];
    const registration = registry.register('user://{id}/profile', loader, {
      ttlMs: 300_000,
      tags: ['user', 'user', 'profile'],
      mimeType: 'application/json',
      name: 'profile',
      title: 'Profile',
      description: 'Who somebody is',
      public: true,
      list,
      complete: { id },
    });
    const resolution = registry.resolve('user://J%C3%B6rg/profile');
    expect(resolution).toEqual({
      pattern: 'user://{id}/profile',
      params: { id: 'Jörg' },
      loader,
      ttlMs: 300_000,
      tags: ['user', 'profile'],
      mimeType: 'application/json',
      public: true,
      registration,
    });
    expect(resolution.registration).toMatchObject({
      name: 'profile',
      title: 'Profile',
      description: 'Who somebody is',
      list,
    });
    expect([...registration.complete]).toEqual([['id', id]]);
    expect(Object.isFrozen(registration)).toBe(true);
    expect(Object.isFrozen(registration.tags)).toBe(true);
  });

  it('needs neither options nor variables [REG-REGISTER]', () => {
    const registry = registryOf('config://app');
    const { params, registration, ...rest } = registry.resolve('config://app');
    expect(Object.keys(params)).toEqual([]);
    expect(rest).toMatchObject({
      pattern: 'config://app',
      ttlMs: undefined,
      tags: [],
      mimeType: undefined,
      public: false,
    });
    expect(registration.name).toBe('config://app');
    expect(registration.template.variables).toEqual([]);
  });

  it('keeps 0 as a TTL [REG-REGISTER]', () => {
    const registry = new UriRegistry();
    registry.register('a://{x}', () => 1, { ttlMs: 0 });
    expect(registry.resolve('a://1').ttlMs).toBe(0);
  });

  it('names the URI that nothing matches [REG-NO-MATCH]', () => {
    const registry = registryOf('user://{id}/profile', 'user://me');
    for (const uri of ['user://1', 'user://1/2/profile', 'other://1/profile', 'u', 'user://me/']) {
      const error = failure(() => registry.resolve(uri));
      expect(error.code).toBe('ERR_GRANARY_NO_MATCH');
      expect(error.message).toContain(uri);
      expect(error.data['uri']).toBe(uri);
    }
    expect(failure(() => new UriRegistry().resolve('a://b')).code).toBe('ERR_GRANARY_NO_MATCH');
  });

  it.each([undefined, null, '', 42, {}, [], new URL('a://b')])(
    'refuses what is not a URI [REG-RESOLVE]',
    (uri) => {
      const error = failure(() => registryOf('a://{x}').resolve(uri as never));
      expect(error.code).toBe('ERR_GRANARY_BAD_URI');
    },
  );

  it('resolves or refuses URIs of 1 MB [REG-LINEAR] [INPUT-HUGE-URI]', () => {
    const registry = registryOf('t:{+a}x{+b}x{+c}', 't:{a}x{b*}y{c}', 't:{+a}{?q}', 'u://{id}');
    const hostile = `t:${'x'.repeat(1_000_000)}`;
    expect(registry.resolve(hostile).params).toMatchObject({ a: 'x'.repeat(999_996), c: 'x' });
    expect(registry.resolve(`t:x?q=${'%41'.repeat(333_333)}`).params['q']).toHaveLength(333_333);
    for (const uri of [`u://${'a/'.repeat(500_000)}`, `v${hostile}`, `u://?${'&'.repeat(1e6)}`]) {
      const error = failure(() => registry.resolve(uri));
      expect(error.code).toBe('ERR_GRANARY_NO_MATCH');
      expect(error.message.length).toBeLessThan(200);
    }
  });

  it('knows no URI by a name of Object.prototype [INPUT-PROTO]', () => {
    const registry = registryOf('a://{__proto__}', '__proto__', 'constructor');
    expect(registry.resolve('__proto__').pattern).toBe('__proto__');
    expect(registry.resolve('constructor').pattern).toBe('constructor');
    expect(Object.entries(registry.resolve('a://x').params)).toEqual([['__proto__', 'x']]);
    for (const uri of ['toString', 'hasOwnProperty', 'a://']) {
      expect(failure(() => registry.resolve(uri)).code).toBe('ERR_GRANARY_NO_MATCH');
    }
  });
});

describe('precedence', () => {
  it.each<[string[], string, string]>([
    [['file:///{+path}', 'file:///docs/{name}'], 'file:///docs/a', 'file:///docs/{name}'],
    [['file:///docs/{name}', 'file:///{+path}'], 'file:///docs/a', 'file:///docs/{name}'],
    [['file:///docs/{name}', 'file:///{+path}'], 'file:///docs/a/b', 'file:///{+path}'],
    [['{+any}', 'a://{x}/tail', 'a://b/{x}'], 'a://b/tail', 'a://{x}/tail'],
    [['a://{x}', 'a://b'], 'a://b', 'a://b'],
    [['a://b{?q}', 'a://b'], 'a://b', 'a://b'],
    [['a://{x}/{y}', 'a://{x}/c/{y}', 'a://{+x}'], 'a://1/c/2', 'a://{x}/c/{y}'],
    [['{s}://x', '{+all}'], 'abc://x', '{s}://x'],
  ])('of %j, for %s it is %s [DEPART-MOST-LITERAL]', (patterns, uri, winner) => {
    expect(registryOf(...patterns).resolve(uri).pattern).toBe(winner);
  });

  it.each([
    ['a://{x}', 'a://{y}', 'a://1'],
    ['a://{+x}', 'a://{x}', 'a://1'],
    ['a://{x}/b', 'a://b/{x}', 'a://b/b'],
    ['{x}b://', 'a{x}://', 'ab://'],
  ])('of the equally literal %s and %s the earlier wins for %s [REG-TIE]', (one, other, uri) => {
    // The less literal third one matches each of these, too.
    expect(registryOf('{+any}', one, other).resolve(uri).pattern).toBe(one);
    expect(registryOf(other, '{+any}', one).resolve(uri).pattern).toBe(other);
  });

  it('counts a pattern that is registered again as a later one [REG-TIE]', () => {
    const registry = registryOf('a://{x}', 'a://{y}');
    registry.unregister('a://{x}');
    expect(registry.resolve('a://1').pattern).toBe('a://{y}');
    registry.register('a://{x}', () => 1);
    expect(registry.resolve('a://1').pattern).toBe('a://{y}');
  });
});

describe('unregister and list', () => {
  it('forgets a pattern and tells what is left [REG-UNREGISTER-LIST]', () => {
    const registry = registryOf('a://{x}', 'a://b', 'a://bc{x}', 'ab://{+x}');
    expect(registry.list().map(({ pattern }) => pattern)).toEqual([
      'a://{x}',
      'a://b',
      'a://bc{x}',
      'ab://{+x}',
    ]);
    expect(registry.unregister('a://b')).toBe(true);
    expect(registry.unregister('a://b')).toBe(false);
    expect(registry.unregister('a://{y}')).toBe(false);
    expect(registry.resolve('a://b').pattern).toBe('a://{x}');
    expect(registry.unregister('a://{x}')).toBe(true);
    expect(failure(() => registry.resolve('a://b')).code).toBe('ERR_GRANARY_NO_MATCH');
    expect(registry.resolve('a://bcd').pattern).toBe('a://bc{x}');
    expect(registry.list().map(({ pattern }) => pattern)).toEqual(['a://bc{x}', 'ab://{+x}']);
    registry.list().pop();
    expect(registry.list()).toHaveLength(2);
    expect(failure(() => registry.unregister(7 as never)).code).toBe('ERR_GRANARY_BAD_OPTION');
  });

  it('refuses the same pattern twice and keeps the first [DEPART-DUPLICATES]', () => {
    for (const pattern of ['a://{x}', 'a://b']) {
      const registry = new UriRegistry();
      const first = (): number => 1;
      registry.register(pattern, first, { ttlMs: 5 });
      const error = failure(() => registry.register(pattern, () => 2));
      expect(error.code).toBe('ERR_GRANARY_BAD_OPTION');
      expect(error.data['option']).toBe('pattern');
      expect(error.message).toContain(pattern);
      expect(registry.list()).toHaveLength(1);
      expect(registry.resolve('a://b')).toMatchObject({ loader: first, ttlMs: 5 });
    }
  });
});

describe('bad input', () => {
  const complete = (value: unknown): RegisterOptions => ({ complete: value }) as RegisterOptions;

  it.each<[string, unknown, unknown, unknown, string]>([
    ['pattern', undefined, () => 1, {}, 'pattern'],
    ['pattern', /a/, () => 1, {}, 'pattern'],
    ['pattern', 'file:///*', () => 1, {}, 'pattern'],
    ['loader', 'a://{x}', undefined, {}, 'loader'],
    ['loader', 'a://{x}', 'text', {}, 'loader'],
    ['options', 'a://{x}', () => 1, null, 'options'],
    ['options', 'a://{x}', () => 1, 5, 'options'],
    ['ttlMs', 'a://{x}', () => 1, { ttlMs: -1 }, 'options.ttlMs'],
    ['ttlMs', 'a://{x}', () => 1, { ttlMs: Number.NaN }, 'options.ttlMs'],
    ['ttlMs', 'a://{x}', () => 1, { ttlMs: Infinity }, 'options.ttlMs'],
    ['ttlMs', 'a://{x}', () => 1, { ttlMs: '5' }, 'options.ttlMs'],
    ['ttlMs', 'a://{x}', () => 1, { ttlMs: null }, 'options.ttlMs'],
    ['tags', 'a://{x}', () => 1, { tags: 'a' }, 'options.tags'],
    ['tags', 'a://{x}', () => 1, { tags: [''] }, 'options.tags'],
    ['mimeType', 'a://{x}', () => 1, { mimeType: '' }, 'options.mimeType'],
    ['name', 'a://{x}', () => 1, { name: 1 }, 'options.name'],
    ['title', 'a://{x}', () => 1, { title: {} }, 'options.title'],
    ['description', 'a://{x}', () => 1, { description: null }, 'options.description'],
    ['public', 'a://{x}', () => 1, { public: 'yes' }, 'options.public'],
    ['list', 'a://{x}', () => 1, { list: [] }, 'options.list'],
    ['list', 'a://b', () => 1, { list: () => [] }, 'options.list'],
    ['complete', 'a://{x}', () => 1, complete(() => []), 'options.complete'],
    ['complete', 'a://{x}', () => 1, complete([]), 'options.complete'],
    ['complete', 'a://{x}', () => 1, complete({ y: () => [] }), 'options.complete'],
    ['complete', 'a://{x}', () => 1, complete({ x: ['a'] }), 'options.complete.x'],
    ['complete', 'a://b', () => 1, complete({ x: () => [] }), 'options.complete'],
  ])('%s: %j, %j, %j is refused, naming it', (_, pattern, loader, options, option) => {
    const registry = registryOf('b://{x}');
    const error = failure(() =>
      registry.register(pattern as never, loader as never, options as never),
    );
    expect(error.code).toBe('ERR_GRANARY_BAD_OPTION');
    expect(error.data['option']).toBe(option);
    expect(error.data['allowed']).toBeTypeOf('string');
    expect(registry.list()).toHaveLength(1);
    expect(registry.resolve('b://1').pattern).toBe('b://{x}');
  });

  it('refuses a bad template with its position and registers nothing [REG-BAD-TEMPLATE]', () => {
    const registry = new UriRegistry();
    const error = failure(() => registry.register('a://{x', () => 1));
    expect(error.code).toBe('ERR_GRANARY_BAD_TEMPLATE');
    expect(error.data['position']).toBe(4);
    expect(failure(() => registry.register('', () => 1)).code).toBe('ERR_GRANARY_BAD_TEMPLATE');
    expect(registry.list()).toEqual([]);
  });

  it('takes completers named __proto__ and constructor [INPUT-PROTO]', () => {
    const propose = (): string[] => ['1'];
    const registration = new UriRegistry().register('a://{__proto__}/{constructor}', () => 1, {
      complete: Object.fromEntries([
        ['__proto__', propose],
        ['constructor', propose],
      ]),
    });
    expect([...registration.complete.keys()]).toEqual(['__proto__', 'constructor']);
    const bare = new UriRegistry().register('a://{constructor}', () => 1, { complete: {} });
    expect(bare.complete.get('constructor')).toBeUndefined();
  });
});

describe('onChange', () => {
  const warnings: Error[] = [];
  const record = (warning: Error): void => {
    warnings.push(warning);
  };
  afterEach(() => {
    process.off('warning', record);
    warnings.length = 0;
  });

  it('tells of every change, after it happened, until it is ended', () => {
    const registry = new UriRegistry();
    const told: string[] = [];
    const end = registry.onChange(({ change, registration }) => {
      told.push(`${change} ${registration.pattern}, now ${registry.list().length}`);
    });
    registry.register('a://{x}', () => 1);
    registry.register('a://b', () => 1);
    failure(() => registry.register('a://b', () => 1));
    registry.unregister('a://{x}');
    registry.unregister('a://{x}');
    expect(told).toEqual([
      'registered a://{x}, now 1',
      'registered a://b, now 2',
      'unregistered a://{x}, now 1',
    ]);
    end();
    end();
    registry.unregister('a://b');
    expect(told).toHaveLength(3);
    expect(failure(() => registry.onChange('x' as never)).code).toBe('ERR_GRANARY_BAD_OPTION');
  });

  it('tells every listener the changes in one order, those that a listener makes included', () => {
    const registry = new UriRegistry();
    const told: string[] = [];
    registry.onChange(({ change, registration }) => {
      told.push(`first: ${change}`);
      if (change === 'registered') {
        registry.unregister(registration.pattern);
        told.push('unregister returned');
      }
    });
    registry.onChange(({ change }) => {
      told.push(`second: ${change}`);
    });
    registry.register('a://{x}', () => 1);
    expect(told).toEqual([
      'first: registered',
      'second: registered',
      'first: unregistered',
      'second: unregistered',
      'unregister returned',
    ]);
  });

  it('survives a listener that throws, ends or adds listeners', async () => {
    process.on('warning', record);
    const registry = new UriRegistry();
    const told: string[] = [];
    const ends: (() => void)[] = [];
    registry.onChange(() => {
      throw new Error('no list today');
    });
    registry.onChange(() => {
      for (const end of ends) end();
      registry.onChange(() => told.push('added'));
    });
    ends.push(registry.onChange(() => told.push('ended')));
    registry.onChange(() => told.push('last'));
    expect(registry.register('a://{x}', () => 1).pattern).toBe('a://{x}');
    expect(told).toEqual(['last']);
    await new Promise(setImmediate);
    expect(warnings.map(({ name, message }) => [name, message.includes('no list today')])).toEqual([
      ['GranaryListenerWarning', true],
    ]);
  });
});
