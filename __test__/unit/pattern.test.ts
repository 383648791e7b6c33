import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { parsePattern } from '../../src/registry/uri-pattern.ts';

describe('parsePattern', () => {
  it.each<[RegExp, string, boolean]>([
    [/user:/, 'user://1', true],
    [/ser:/, 'user://1', false],
    [/^user:/, 'user://1', true],
    [/b|a/, 'ab', true],
    [/.*1$/s, 'user://1', true],
    [/$/, 'user://1', false],
    [/(?:)/, 'user://1', true],
    [/^x/m, 'a\nx', false],
    [/USER/i, 'user://1', true],
  ])('%s on %s from index 0: %s [INVALIDATE-REGEXP]', (regExp, uri, expected) => {
    const pattern = parsePattern(regExp);
    expect(pattern.kind).toBe('regexp');
    expect(pattern.prefix).toBe('');
    for (const again of [1, 2, 3]) expect([again, pattern.matches(uri)]).toEqual([again, expected]);
  });

  it('ignores g, y and lastIndex and leaves the expression alone [INVALIDATE-REGEXP]', () => {
    for (const flags of ['g', 'y', 'gy', 'gdu', 'v']) {
      const regExp = new RegExp('ab', flags);
      regExp.lastIndex = 5;
      const pattern = parsePattern(regExp);
      for (const again of [1, 2])
        expect([again, pattern.matches('ab-cdab')]).toEqual([again, true]);
      expect(pattern.matches('-ab')).toBe(false);
      expect(regExp.lastIndex).toBe(5);
      regExp.lastIndex = 0;
      expect(pattern.matches('ab')).toBe(true);
      expect(regExp.lastIndex).toBe(0);
    }
  });

  it('takes a RegExp of another realm', () => {
    expect(parsePattern(runInNewContext('/a.c/') as RegExp).matches('abc')).toBe(true);
  });

  it('reads a string with a brace as a template [INVALIDATE-TEMPLATE]', () => {
    const pattern = parsePattern('user://{id}/*');
    expect(pattern).toMatchObject({ kind: 'template', prefix: 'user://' });
    expect(pattern.matches('user://1/*')).toBe(true);
    expect(pattern.matches('user://1/x')).toBe(false);
    expect(() => parsePattern('user://{id')).toThrow(
      expect.objectContaining({ code: 'ERR_GRANARY_BAD_TEMPLATE' }),
    );
  });

  it('reads a trailing asterisk as a prefix, else the exact URI [DEPART-STRING-PATTERN]', () => {
    const prefix = parsePattern('user://*');
    expect(prefix).toMatchObject({ kind: 'prefix', prefix: 'user://' });
    expect(prefix.matches('user://')).toBe(true);
    expect(prefix.matches('user://1/x')).toBe(true);
    expect(prefix.matches('xuser://1')).toBe(false);
    expect(parsePattern('*').matches('anything')).toBe(true);

    const exact = parsePattern('user://.+|*?');
    expect(exact).toMatchObject({ kind: 'exact', prefix: 'user://.+|*?' });
    expect(exact.matches('user://.+|*?')).toBe(true);
    expect(exact.matches('user://1')).toBe(false);
  });

  it.each([undefined, null, '', 0, {}, [], Symbol('x'), () => true, { source: 'a', flags: '' }])(
    'refuses what is neither',
    (pattern) => {
      expect(() => parsePattern(pattern as never)).toThrow(
        expect.objectContaining({
          code: 'ERR_GRANARY_BAD_OPTION',
          data: expect.objectContaining({ option: 'pattern' }) as unknown,
        }),
      );
    },
  );
});
