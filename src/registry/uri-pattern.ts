import { types } from 'node:util';
import { badOption } from '../options.ts';
import { compileTemplate } from './uri-template.ts';

/** A set of URIs, as `invalidatePattern` takes it. */
export interface UriPattern {
  readonly kind: 'regexp' | 'template' | 'prefix' | 'exact';
  /** Every URI that matches starts with it; `''` says nothing. For `exact` it is the URI. */
  readonly prefix: string;
  matches(uri: string): boolean;
}

/**
 * A copy that is anchored by the sticky flag: the caller's expression keeps its `lastIndex`, and an
 * alternative or a lazy quantifier cannot make it match further on.
 */
function regExpPattern(pattern: RegExp): UriPattern {
  const anchored = new RegExp(pattern, `${pattern.flags.replaceAll(/[dgy]/g, '')}y`);
  return {
    kind: 'regexp',
    prefix: '',
    matches(uri) {
      anchored.lastIndex = 0;
      return anchored.test(uri);
    },
  };
}

/**
 * Reads a pattern: a RegExp matches what it matches at index 0 (as Python's `re.match`; its
 * `lastIndex` and the flags `g` and `y` are ignored); a string with `{` is a URI template, with a
 * trailing `*` a prefix, else the exact URI. Compiles once; matching is linear in the URI, but for
 * a RegExp, which costs what its author made it cost.
 *
 * @throws `ERR_GRANARY_BAD_OPTION` for anything but a RegExp or a non-empty string;
 * `ERR_GRANARY_BAD_TEMPLATE` for a string with `{` that is not a template.
 */
export function parsePattern(pattern: RegExp | string): UriPattern {
  if (types.isRegExp(pattern)) return regExpPattern(pattern);
  if (typeof pattern !== 'string' || pattern === '') {
    badOption('pattern', pattern, 'a RegExp or a non-empty string');
  }
  if (pattern.includes('{')) {
    const template = compileTemplate(pattern);
    return {
      kind: 'template',
      prefix: template.literalPrefix,
      matches: (uri) => template.match(uri) !== undefined,
    };
  }
  if (pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1);
    return { kind: 'prefix', prefix, matches: (uri) => uri.startsWith(prefix) };
  }
  return { kind: 'exact', prefix: pattern, matches: (uri) => uri === pattern };
}
