import type { UriPattern } from '../registry/uri-pattern.ts';

/** One spelling for all URIs that the SDK takes for the same: it looks them up as `URL` writes them. */
export function canonicalUri(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}

/**
 * One spelling for all that may be meant by the same URI, percent-encoded or not. Some that are not
 * the same come together: for what is to be dropped that is no harm, for what is kept it would be.
 */
export function foldedUri(uri: string): string {
  return canonicalUri(uri).replaceAll(/(?:%[\da-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded.toUpperCase(); // bytes that are no text
    }
  });
}

/** @returns whether a pattern means a URI, however that is spelled */
export function inAnySpelling(pattern: UriPattern): (uri: string) => boolean {
  if (pattern.kind !== 'exact') {
    return (uri) => pattern.matches(uri) || pattern.matches(foldedUri(uri));
  }
  const folded = foldedUri(pattern.prefix);
  return (uri) => foldedUri(uri) === folded;
}
