import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseTemplate,
  type TemplateSyntax,
  type VariableKind,
} from '../../src/registry/template-syntax.ts';
import { compileTemplate } from '../../src/registry/uri-template.ts';
import { placeLiterals } from '../../src/registry/variable-spans.ts';

// Few characters, so that literals, barriers and variables collide all the time.
const literal = fc.string({ unit: fc.constantFrom('a', 'b', '/'), minLength: 1, maxLength: 3 });
const kind = fc.constantFrom<VariableKind>('segment', 'segments', 'any');
const uri = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/', '#', '?'), maxLength: 24 });

const expressions = { segment: '{v}', segments: '{v*}', any: '{+v}' } as const;

const template = fc
  .record({
    prefix: fc.oneof(fc.constant(''), literal),
    variables: fc.array(fc.tuple(kind, literal), { minLength: 1, maxLength: 5 }),
    open: fc.boolean(),
  })
  .map(({ prefix, variables, open }) =>
    variables.reduce((text, [kind, after], index) => {
      const closed = open && index === variables.length - 1 ? '' : after;
      return text + expressions[kind].replace('v', `v${index}`) + closed;
    }, prefix),
  );

/** The same language, with a backtracking engine's greedy choice: what the matcher has to agree with. */
function reference({ prefix, path }: TemplateSyntax): RegExp {
  const classes = { segment: '[^/?#]+', segments: '[^?#]+', any: '[^]+' } as const;
  // The literals here hold nothing that means something in a regular expression.
  return new RegExp(
    `^${prefix}${path.map(({ kind, after }) => `(${classes[kind]})${after}`).join('')}$`,
  );
}

describe('matching', () => {
  it('agrees with a backtracking regular expression [REG-SEGMENT] [REG-SEGMENTS] [REG-RESERVED]', () => {
    let matches = 0;
    fc.assert(
      fc.property(template, uri, (template, text) => {
        const syntax = parseTemplate(template);
        for (const uri of [text, `${syntax.prefix}${text}${syntax.path.at(-1)?.after ?? ''}`]) {
          const captures = reference(syntax).exec(uri)?.slice(1);
          const params = compileTemplate(template).match(uri);
          expect(params && Object.values(params)).toEqual(captures);
          if (params !== undefined) matches++;
        }
      }),
      { numRuns: 4_000 },
    );
    expect(matches).toBeGreaterThan(400);
  });

  it('agrees with it on what a template can have produced', () => {
    const values = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', '/', 'c'), minLength: 1, maxLength: 6 }),
      { minLength: 5, maxLength: 5 },
    );
    let matches = 0;
    fc.assert(
      fc.property(template, values, (template, values) => {
        const syntax = parseTemplate(template);
        const uri = syntax.path.reduce(
          (text, { after }, index) => text + (values[index] ?? 'a') + after,
          syntax.prefix,
        );
        const captures = reference(syntax).exec(uri)?.slice(1);
        const params = compileTemplate(template).match(uri);
        expect(params && Object.values(params)).toEqual(captures);
        if (params !== undefined) matches++;
      }),
      { numRuns: 4_000 },
    );
    expect(matches).toBeGreaterThan(500);
  });

  it('takes back what it expands, where literals divide the variables [DEPART-DECODED]', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(
        fc.record({ id: value, path: value, rest: value }),
        fc.record({ page: fc.string({ unit: 'grapheme' }), q: value }, { requiredKeys: [] }),
        (path, query) => {
          // In {path*} a slash of the value stays one, and in {+rest} every delimiter does: the
          // first stands behind a barrier of {id}, the second at the end.
          const segments = compileTemplate('s://{id}/{path*}{?page,q}');
          const { id } = path;
          const first = { id, path: path.path, ...query };
          expect({ ...segments.match(segments.expand(first)) }).toEqual(first);
          const reserved = compileTemplate('s://{id}/{+rest}{?page,q}');
          const second = { id, rest: path.rest, ...query };
          expect({ ...reserved.match(reserved.expand(second)) }).toEqual(second);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('gives the params of a query in whatever order they stand [REG-QUERY]', () => {
    const names = ['a', 'b', 'c', '__proto__', 'constructor'];
    const compiled = compileTemplate(`s://x{?${names.join(',')}}`);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(names, { minLength: 1 }),
        fc.array(fc.string({ unit: 'grapheme' }), { minLength: 5, maxLength: 5 }),
        (order, values) => {
          const pairs = order.map((name, index) => [name, values[index] ?? ''] as const);
          const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
          const params = compiled.match(`s://x?${query.join('&')}`);
          expect(new Map(Object.entries(params ?? {}))).toEqual(new Map(pairs));
        },
      ),
    );
  });

  it('throws for no URI at all', () => {
    fc.assert(
      fc.property(template, fc.string({ unit: 'binary' }), (template, text) => {
        const compiled = compileTemplate(`${template}{?q}`);
        for (const uri of [text, `${compiled.literalPrefix}${text}`, `${text}?q=${text}`]) {
          expect(() => compiled.match(uri)).not.toThrow();
        }
      }),
    );
  });
});

describe('the bound of a match', () => {
  function work(syntax: TemplateSyntax, uri: string): number {
    const spent = { characters: 0 };
    placeLiterals(syntax, uri, uri.length, spent);
    return spent.characters;
  }

  /** What the doc comment of placeLiterals promises, with its constants. */
  function bound({ path }: TemplateSyntax, uri: string): number {
    const longest = Math.max(...path.map(({ after }) => after.length));
    return (uri.length + 1) * path.length * (2 + 2 * longest);
  }

  it('holds for any template and any URI [REG-LINEAR]', () => {
    const long = fc.string({
      unit: fc.constantFrom('a', 'b', '/', 'a/', 'ab', '/a'),
      maxLength: 400,
      size: 'max',
    });
    fc.assert(
      fc.property(template, long, (template, uri) => {
        const syntax = parseTemplate(template);
        const whole = syntax.prefix + uri + syntax.path.at(-1)!.after;
        expect(work(syntax, whole)).toBeLessThanOrEqual(bound(syntax, whole));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, string, string]>([
    ['{+a}x{+b}x{+c}', 'x', ''],
    ['{+a}x{+b}x{+c}x{+d}x{+e}x{+f}!', 'x', ''],
    ['{+a}xy{+b}xy{+c}!', 'x', '!'],
    ['{a}x{b*}x{+c}', 'x/', ''],
    ['h{a}x{b*}y{c}', '/x', 'y1'],
    ['h{a}x{b}x{c}x{+d}', 'x/x', ''],
    ['{a}/{b}/{+c}', '/', 'x'],
    ['{a*}/x/{b}/{+c}', '/x', '/y/z'],
    ['{+a}aaaaaaaa{b}aaaaaaab{+c}', 'a', ''],
  ])('grows no faster than the URI: %s on 1 MB of %s [REG-LINEAR]', (template, unit, end) => {
    const syntax = parseTemplate(template);
    const half = syntax.prefix + unit.repeat(500_000 / unit.length) + end;
    const whole = syntax.prefix + unit.repeat(1_000_000 / unit.length) + end;
    expect(work(syntax, whole)).toBeLessThanOrEqual(work(syntax, half) * 2 + bound(syntax, ''));
    expect(work(syntax, whole)).toBeLessThanOrEqual(bound(syntax, whole));
  });
});
