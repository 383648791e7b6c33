import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranaryError } from '../../src/errors.ts';
import { PrefixTree } from '../../src/registry/prefix-tree.ts';
import { UriRegistry } from '../../src/registry/uri-registry.ts';
import { compileTemplate } from '../../src/registry/uri-template.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 5 });
const expression = fc.constantFrom('', '{x}', '{+x}', '{x*}');
const pattern = fc
  .tuple(text, expression, text, fc.constantFrom('', '', '{?q}'))
  .map((parts) => parts.join(''))
  .filter((pattern) => pattern !== '');

interface Change {
  readonly kind: 'register' | 'unregister';
  readonly pattern: string;
}

const change = fc.record<Change>({
  kind: fc.constantFrom('register', 'register', 'register', 'unregister'),
  pattern,
});

/** The rule of precedence as it is documented, over a plain list. */
function scan(patterns: readonly string[], uri: string): string {
  let best = { pattern: 'none', literal: -1 };
  for (const pattern of patterns) {
    const template = compileTemplate(pattern);
    if (template.match(uri) === undefined) continue;
    const literal = template.variables.length === 0 ? Infinity : template.literalLength;
    if (literal > best.literal) best = { pattern, literal };
  }
  return best.pattern;
}

function attempt(action: () => string): string {
  try {
    return action();
  } catch (error) {
    return error instanceof GranaryError && error.code === 'ERR_GRANARY_NO_MATCH'
      ? 'none'
      : String(error);
  }
}

describe('UriRegistry', () => {
  it('resolves as a scan of the list would [DEPART-MOST-LITERAL] [REG-TIE] [REG-UNREGISTER-LIST]', () => {
    let resolved = 0;
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 5, maxLength: 60, size: 'max' }),
        fc.array(text, { minLength: 1, maxLength: 20, size: 'max' }),
        (changes, texts) => {
          const registry = new UriRegistry();
          let patterns: readonly string[] = [];
          const wrong: string[] = [];
          for (const { kind, pattern } of changes) {
            const known = patterns.includes(pattern);
            if (kind === 'unregister') {
              if (registry.unregister(pattern) !== known) wrong.push(pattern);
              patterns = patterns.filter((other) => other !== pattern);
            } else if (!known) {
              registry.register(pattern, () => 1);
              patterns = [...patterns, pattern];
            }
          }
          expect(wrong).toEqual([]);
          expect(registry.list().map(({ pattern }) => pattern)).toEqual(patterns);
          const near = patterns.map((pattern) => pattern.replaceAll(/[{}?+*]/g, ''));
          const uris = [...texts, ...near].filter((uri) => uri !== '');
          const expected = uris.map((uri) => scan(patterns, uri));
          const actual = uris.map((uri) => attempt(() => registry.resolve(uri).pattern));
          expect(actual).toEqual(expected);
          resolved += actual.filter((pattern) => pattern.includes('{')).length;
        },
      ),
      { numRuns: 300 },
    );
    expect(resolved).toBeGreaterThan(2_000);
  });
});

describe('PrefixTree', () => {
  it('holds what a map of sorted lists holds, and frees what it no longer holds', () => {
    const operation = fc.record({
      insert: fc.boolean(),
      prefix: text,
      value: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60, size: 'max' }),
        fc.array(text, { maxLength: 10 }),
        (operations, texts) => {
          const tree = new PrefixTree<number>((a, b) => a - b);
          const model = new Map<string, number[]>();
          const wrong: unknown[] = [];
          for (const { insert, prefix, value } of operations) {
            const values = model.get(prefix) ?? [];
            const index = values.indexOf(value);
            if (insert) {
              tree.insert(prefix, value);
              model.set(
                prefix,
                [...values, value].toSorted((a, b) => a - b),
              );
            } else {
              const removed = tree.remove(prefix, value);
              if (removed !== (index !== -1)) wrong.push({ prefix, value, removed });
              if (removed) model.set(prefix, values.toSpliced(index, 1));
            }
          }
          expect(wrong).toEqual([]);
          for (const text of texts) {
            const prefixes = Array.from({ length: text.length + 1 }, (_, end) =>
              text.slice(0, end),
            );
            const lists = prefixes.map((prefix) => model.get(prefix) ?? []);
            expect(tree.prefixesOf(text)).toEqual(lists.filter((list) => list.length > 0));
          }
          const held = [...model.values()].filter((values) => values.length > 0).length;
          expect(tree.nodeCount).toBeLessThanOrEqual(2 * held + 1);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
