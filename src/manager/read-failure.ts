import { GranaryError } from '../errors.ts';
import { isNotFound } from './not-found.ts';

/**
 * What a failed load looks like from outside: without the partition that its key carries, and with
 * the loader's own error where that is one of ours and about this URI already.
 *
 * @param key the cache's key of the URI
 */
export function readFailure(error: unknown, uri: string, key: string): unknown {
  if (!(error instanceof GranaryError)) return error;
  const { cause, code, data, message } = error;
  if (code === 'ERR_GRANARY_LOAD_FAILED' && isFinal(cause, uri)) return cause;
  if (key === uri) return error;
  return new GranaryError(
    code,
    message.replaceAll(key, () => uri),
    {
      ...(cause === undefined ? {} : { cause }),
      data: data['uri'] === key ? { ...data, uri } : data,
    },
  );
}

function isFinal(cause: unknown, uri: string): boolean {
  if (isNotFound(cause, uri)) return true;
  return cause instanceof GranaryError && FINAL_CODES.has(cause.code) && cause.data['uri'] === uri;
}

const FINAL_CODES: ReadonlySet<string> = new Set([
  'ERR_GRANARY_LIMIT_EXCEEDED',
  'ERR_GRANARY_LOAD_FAILED',
]);
