import { types } from 'node:util';

import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';

/** What is to be dropped in every process, in every partition. */
export type Invalidation =
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'tag'; readonly tag: string }
  /** As `invalidatePattern` takes it. */
  | { readonly kind: 'pattern'; readonly pattern: string | RegExp }
  | { readonly kind: 'all' };

/** Whether an entry is among what is to be dropped. */
export type EntryMatcher = (uri: string, tags: readonly string[]) => boolean;

/** @returns the invalidation that a pattern asks for; an exact URI is one of a URI */
export function patternInvalidation(pattern: string | RegExp): Invalidation {
  const { kind, prefix } = parsePattern(pattern);
  return kind === 'exact' ? { kind: 'uri', uri: prefix } : { kind: 'pattern', pattern };
}

/**
 * Compiles an invalidation; each call of what comes back is linear in the URI and the number of tags,
 * but for a RegExp, which costs what its author made it cost.
 */
export function entryMatcher(invalidation: Invalidation): EntryMatcher {
  switch (invalidation.kind) {
    case 'uri':
      return (uri) => uri === invalidation.uri;
    case 'tag':
      return (_, tags) => tags.includes(invalidation.tag);
    case 'pattern': {
      const pattern: UriPattern = parsePattern(invalidation.pattern);
      return (uri) => pattern.matches(uri);
    }
    case 'all':
      return () => true;
  }
}

/** An invalidation as a line of text, the same for the same one; a second level may keep it so. */
export function invalidationText(invalidation: Invalidation): string {
  switch (invalidation.kind) {
    case 'uri':
      return `u:${invalidation.uri}`;
    case 'tag':
      return `t:${invalidation.tag}`;
    case 'pattern': {
      const { pattern } = invalidation;
      return types.isRegExp(pattern) ? `r:${pattern.flags}/${pattern.source}` : `p:${pattern}`;
    }
    case 'all':
      return '*';
  }
}

/** @returns what `invalidationText` was given; `undefined` for what no version of ours has written */
export function parseInvalidation(text: string): Invalidation | undefined {
  if (text === '*') return { kind: 'all' };
  const content = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'u:':
      return { kind: 'uri', uri: content };
    case 't:':
      return { kind: 'tag', tag: content };
    case 'p:':
      return parsed(() => content);
    case 'r:': {
      const slash = content.indexOf('/');
      return parsed(() => new RegExp(content.slice(slash + 1), content.slice(0, slash)));
    }
    default:
      return undefined;
  }
}

function parsed(read: () => string | RegExp): Invalidation | undefined {
  try {
    const pattern = read();
    parsePattern(pattern);
    return { kind: 'pattern', pattern };
  } catch {
    return undefined;
  }
}
