import { badOption } from '../options.ts';
import { parsePattern } from '../registry/uri-pattern.ts';
import { canonicalUri } from './canonical-uri.ts';

const DOT_SEGMENT = /(?:^|[/\\])\.\.(?:[/\\?#]|$)/;

/**
 * @param templates URI templates, exact URIs, or prefixes with a trailing `*`
 * @returns whether every reader is given the same copy of a URI. One that climbs out of what a
 *   template names (`docs/../secret`, encoded or not) is public only where it leads.
 * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_TEMPLATE`
 */
export function publicUris(templates: readonly string[]): (uri: string) => boolean {
  const allowed = 'an array of URI templates';
  if (!Array.isArray(templates)) badOption('public', templates, allowed);
  const patterns = templates.map((template: unknown) => {
    if (typeof template !== 'string' || template === '') badOption('public', template, allowed);
    return parsePattern(template);
  });
  return (uri) => {
    if (patterns.length === 0 || climbs(uri)) return false;
    const canonical = canonicalUri(uri);
    return patterns.some((pattern) => pattern.matches(uri) && pattern.matches(canonical));
  };
}

function climbs(uri: string): boolean {
  try {
    return DOT_SEGMENT.test(decodeURIComponent(uri));
  } catch {
    return true; // not percent-encoding: nobody knows how its handler reads it
  }
}
