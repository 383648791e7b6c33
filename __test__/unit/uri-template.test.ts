import { describe, expect, it } from 'vitest';
import { GranaryError } from '../../src/errors.ts';
import { MAX_TEMPLATE_VARIABLES } from '../../src/registry/template-syntax.ts';
import { compileTemplate } from '../../src/registry/uri-template.ts';

function match(template: string, uri: string): Record<string, string> | undefined {
  const params = compileTemplate(template).match(uri);
  return params === undefined ? undefined : { ...params };
}

function failure(action: () => unknown): GranaryError {
  try {
    action();
  } catch (error) {
    if (error instanceof GranaryError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what a template matches', () => {
  it.each<[string, string, Record<string, string> | undefined]>([
    ['user://{id}/profile', 'user://42/profile', { id: '42' }],
    ['user://{id}/profile', 'user:///profile', undefined],
    ['user://{id}/profile', 'user://a/b/profile', undefined],
    ['user://{id}', 'user://42', { id: '42' }],
    ['user://{id}', 'user://', undefined],
    ['user://{id}', 'user://42?admin=1', undefined],
    ['user://{id}', 'user://42#top', undefined],
    ['{scheme}://{host}', 'http://example.org', { scheme: 'http', host: 'example.org' }],
    ['a://{x.y}/{Z_9}', 'a://1/2', { 'x.y': '1', Z_9: '2' }],
  ])('one path segment: %s on %s [REG-PARAM] [REG-SEGMENT]', (template, uri, params) => {
    expect(match(template, uri)).toEqual(params);
  });

  it.each([
    ['user://{id}/profile', 'xuser://42/profile'],
    ['user://{id}/profile', 'user://42/profile/'],
    ['user://{id}/profile', 'user://42/profil'],
    ['user://me', 'user://me/too'],
    ['user://me', 'user://m'],
    ['user://{id}/profile', 'USER://42/profile'],
    ['user://{id}/x', 'user://x'],
    ['ab{x}ba', 'aba'],
  ])('only whole URIs: not %s on %s [REG-FULL-MATCH]', (template, uri) => {
    expect(match(template, uri)).toBeUndefined();
  });

  it.each<[string, string, Record<string, string> | undefined]>([
    ['file:///{+path}', 'file:///a/b?c#d\n\0', { path: 'a/b?c#d\n\0' }],
    ['file:///{+path}', 'file:///', undefined],
    ['{+all}', 'x', { all: 'x' }],
    ['git://{+repo}/blob/{ref}', 'git://a/b/blob/c/blob/main', { repo: 'a/b/blob/c', ref: 'main' }],
    ['t:{+a}x{+b}x{+c}', 't:1xx2x3', { a: '1x', b: '2', c: '3' }],
    ['t:{+a}x{+b}x{+c}', 't:xxxxx', { a: 'x', b: 'x', c: 'x' }],
    ['t:{+a}x{+b}x{+c}', 't:xxxx', undefined],
  ])('any characters: %s on %j [REG-RESERVED]', (template, uri, params) => {
    expect(match(template, uri)).toEqual(params);
  });

  it.each<[string, string, Record<string, string> | undefined]>([
    ['file:///{path*}', 'file:///a/b/c.md', { path: 'a/b/c.md' }],
    ['file:///{path*}', 'file:///a', { path: 'a' }],
    ['file:///{path*}', 'file:///', undefined],
    ['file:///{path*}', 'file:///a?b', undefined],
    ['file:///{path*}', 'file:///a#b', undefined],
    ['s3://{bucket}/{key*}/meta', 's3://b/x/y/meta', { bucket: 'b', key: 'x/y' }],
  ])('several segments: %s on %s [REG-SEGMENTS]', (template, uri, params) => {
    expect(match(template, uri)).toEqual(params);
  });

  it.each<[string, string, Record<string, string> | undefined]>([
    ['a://b{?x,y}', 'a://b?x=1&y=2', { x: '1', y: '2' }],
    ['a://b{?x,y}', 'a://b?y=2&x=1', { x: '1', y: '2' }],
    ['a://b{?x,y}', 'a://b?y=2', { y: '2' }],
    ['a://b{?x,y}', 'a://b', {}],
    ['a://b{?x,y}', 'a://b?x=', { x: '' }],
    ['a://b{?x,y}', 'a://b?x=a=b?c/d', { x: 'a=b?c/d' }],
    ['a://b{?x,y}', 'a://b?', undefined],
    ['a://b{?x,y}', 'a://b?x', undefined],
    ['a://b{?x,y}', 'a://b?x=1&', undefined],
    ['a://b{?x,y}', 'a://b?x&y=1', undefined],
    ['a://b{?x,y}', 'a://b?x=1&x=2', undefined],
    ['a://b{?x,y}', 'a://b?z=1', undefined],
    ['a://b{?x,y}', 'a://b?x=1#f', undefined],
    ['a://{id}{?x}', 'a://7?x=1', { id: '7', x: '1' }],
    ['a://{+path}{?x}', 'a://p/q?x=1', { path: 'p/q', x: '1' }],
    ['a://{+path}{?x}', 'a://p/q?z=1', undefined],
    ['{?x}', '?x=1', { x: '1' }],
  ])('query parameters: %s on %s [REG-QUERY]', (template, uri, params) => {
    expect(match(template, uri)).toEqual(params);
  });

  it.each<[string, string, Record<string, string>]>([
    ['f:{name}.{type}', 'f:archive.tar.gz', { name: 'archive.tar', type: 'gz' }],
    // The rightmost 'y' would leave a slash in {a}: the literal has to stand further left.
    ['x{a}y{+b}', 'xAyB/CyD', { a: 'A', b: 'B/CyD' }],
    ['x{a}y{+b}y{c}', 'xAyB/CyDyE', { a: 'A', b: 'B/CyD', c: 'E' }],
    ['{a}-{b*}-{+c}', '1-2-3/4-5?6-7', { a: '1-2', b: '3/4', c: '5?6-7' }],
  ])('the first variable takes what it can: %s on %s [REG-SEGMENT]', (template, uri, params) => {
    expect(match(template, uri)).toEqual(params);
  });

  it('decodes params and leaves malformed escapes as written [DEPART-DECODED]', () => {
    expect(match('u:{x}', 'u:J%C3%B6rg%20%2F%00')).toEqual({ x: 'Jörg /\0' });
    expect(match('u:{x*}', 'u:a%2Fb/c%3Fd')).toEqual({ x: 'a/b/c?d' });
    expect(match('u:{+x}', 'u:%41/%42')).toEqual({ x: 'A/B' });
    expect(match('u:z{?x}', 'u:z?x=a%26b+c')).toEqual({ x: 'a&b+c' });
    for (const malformed of ['%', '%4', '%zz', '%ff', 'a%20b%c3', '%C0%AF', '%ED%A0%80']) {
      expect(match('u:{x}', `u:${malformed}`)).toEqual({ x: malformed });
    }
  });

  it('takes any name, those of Object.prototype included [INPUT-PROTO]', () => {
    const template = compileTemplate('a://{__proto__}/{constructor}{?toString,hasOwnProperty}');
    const params = template.match('a://1/2?toString=3');
    expect(Object.getOwnPropertyNames(Object.getPrototypeOf(params) ?? {})).toEqual([]);
    expect(params).not.toBeInstanceOf(Object);
    expect(Object.entries(params ?? {})).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ]);
    expect(params?.['hasOwnProperty']).toBeUndefined();
    expect(template.expand(params ?? {})).toBe('a://1/2?toString=3');
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
    expect(failure(() => compileTemplate('a:{constructor}').expand({})).code).toBe(
      'ERR_GRANARY_BAD_OPTION',
    );
  });

  it('tells its prefix, its literal length and its variables', () => {
    const template = compileTemplate('user://{id}/posts{?page,size}');
    expect(template.template).toBe('user://{id}/posts{?page,size}');
    expect(template.literalPrefix).toBe('user://');
    expect(template.literalLength).toBe('user:///posts'.length);
    expect(template.variables).toEqual(['id', 'page', 'size']);
    expect(compileTemplate('user://me').literalPrefix).toBe('user://me');
    expect(compileTemplate('user://me').variables).toEqual([]);
  });
});

describe('what is not a template', () => {
  it.each<[string, number]>([
    ['', 0],
    ['a://{', 4],
    ['a://{x', 4],
    ['a://}', 4],
    ['a://{x}}', 7],
    ['a://{{x}}', 5],
    ['a://{}', 5],
    ['a://{+}', 6],
    ['a://{?}', 6],
    ['a://{*}', 5],
    ['a://{#x}', 5],
    ['a://{.x}', 5],
    ['a://{/x}', 5],
    ['a://{;x}', 5],
    ['a://{&x}', 5],
    ['a://{x:3}', 5],
    ['a://{+x*}', 6],
    ['a://{?x*}', 6],
    ['a://{x,y}', 5],
    ['a://{ x }', 5],
    ['a://{user-id}', 5],
    ['a://{?x,}', 8],
    ['a://{?x,,y}', 8],
    ['a://{x.}', 5],
    ['a://{x}{y}', 7],
    ['a://{+x}{y*}', 8],
    ['a://{x}/{x}', 9],
    ['a://{x}{?y,x}', 11],
    ['a://b{?x}/c', 5],
    ['a://b{?x}{?y}', 5],
    ['a://b?c=1{?x}', 5],
  ])('%j is refused at position %i [REG-BAD-TEMPLATE]', (template, position) => {
    const error = failure(() => compileTemplate(template));
    expect(error.code).toBe('ERR_GRANARY_BAD_TEMPLATE');
    expect(error.data['position']).toBe(position);
    expect(error.message).toContain(`position ${position}`);
  });

  it.each([undefined, null, 42, {}, [], /x/, Symbol('x')])(
    'refuses what is not a string',
    (template) => {
      expect(failure(() => compileTemplate(template as never)).code).toBe('ERR_GRANARY_BAD_OPTION');
    },
  );

  it('bounds the number of variables [REG-BAD-TEMPLATE]', () => {
    const names = Array.from({ length: MAX_TEMPLATE_VARIABLES + 1 }, (_, index) => `v${index}`);
    const most = `a:${names
      .slice(0, -1)
      .map((name) => `{${name}}`)
      .join('/')}`;
    expect(compileTemplate(most).match(`a:${names.slice(0, -1).join('/')}`)?.['v63']).toBe('v63');
    expect(failure(() => compileTemplate(`${most}/{v64}`)).data['position']).toBe(most.length + 2);
  });
});

describe('expansion', () => {
  it.each<[string, Record<string, string>, string]>([
    ['u:{x}', { x: 'a/b?c#d e%!' }, 'u:a%2Fb%3Fc%23d%20e%25%21'],
    ['u:{x*}', { x: 'a b/c?d' }, 'u:a%20b/c%3Fd'],
    ['u:{+x}', { x: '/a b?c#d%20' }, 'u:/a%20b?c#d%2520'],
    ['u:{+x}{?y}', { x: 'a?b', y: '&' }, 'u:a%3Fb?y=%26'],
    ['u:z{?x,y}', { y: '2' }, 'u:z?y=2'],
    ['u:z{?x,y}', { x: '', y: 'ö' }, 'u:z?x=&y=%C3%B6'],
    ['u:z{?x,y}', {}, 'u:z'],
    ['u:z', {}, 'u:z'],
  ])('%s with %j is %s', (template, params, uri) => {
    const compiled = compileTemplate(template);
    expect(compiled.expand(params)).toBe(uri);
    expect({ ...compiled.match(uri) }).toEqual(params);
  });

  it.each<[unknown, string]>([
    [{}, 'params.x'],
    [{ x: '' }, 'params.x'],
    [{ x: 1 }, 'params.x'],
    [{ x: '\uD800' }, 'params.x'],
    [{ x: 'a', y: 1 }, 'params.y'],
    [{ x: 'a', y: 'b\uDC00' }, 'params.y'],
    [null, 'params'],
    ['x', 'params'],
  ])('%j is refused, naming %s', (params, option) => {
    const error = failure(() => compileTemplate('u:{x}{?y}').expand(params as never));
    expect(error.code).toBe('ERR_GRANARY_BAD_OPTION');
    expect(error.data['option']).toBe(option);
  });
});
