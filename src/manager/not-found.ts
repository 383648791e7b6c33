import { GranaryError } from '../errors.ts';

/**
 * Whether a read failed because there is no such resource: no pattern matches, or the loader threw
 * `ERR_GRANARY_NO_MATCH` itself, as it does for a file that is gone. A loader that failed since
 * something else was missing names that URI in `data.uri`.
 */
export function isNotFound(error: unknown, uri: string): boolean {
  if (!(error instanceof GranaryError) || error.code !== 'ERR_GRANARY_NO_MATCH') return false;
  const missing = error.data['uri'];
  return missing === undefined || missing === uri;
}
