import { abortedError } from '../cache/flights.ts';
import type { LoadContext, Loaded } from '../cache/loader.ts';
import { NOT_MODIFIED } from '../cache/validator.ts';
import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { readFailure } from './read-failure.ts';
import type { ReadResult } from './read-result.ts';

/**
 * One loader call for one caller: nothing is kept, and nobody else is given the result.
 *
 * @throws (rejects with) `ERR_GRANARY_ABORTED` as soon as `signal` fires, whatever the loader does;
 * `ERR_GRANARY_LOAD_FAILED` with the loader's error as `cause`
 */
export function loadUncached(
  uri: string,
  loader: (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>>,
  signal: AbortSignal | undefined,
): Promise<ReadResult> {
  if (signal?.aborted) return Promise.reject(abortedError(uri, signal.reason));
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const onAbort = (): void => {
      controller.abort(signal?.reason);
      reject(abortedError(uri, signal?.reason));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const context: LoadContext<ReadResult> = {
      signal: controller.signal,
      stale: undefined,
      // There is no entry that could take them.
      setTtl() {},
      setTags() {},
      validator: undefined,
      setValidator() {},
      notModified: () => NOT_MODIFIED,
    };
    loader(context)
      .then(valueOf)
      .then(resolve, (cause: unknown) => reject(readFailure(failed(uri, cause), uri, uri)))
      .finally(() => signal?.removeEventListener('abort', onAbort));
  });
}

function valueOf(loaded: Loaded<ReadResult>): ReadResult {
  if (loaded !== NOT_MODIFIED) return loaded;
  throw new TypeError('the loader returned notModified(), and there is no expired value');
}

function failed(uri: string, cause: unknown): GranaryError {
  const why = describeError(cause);
  return new GranaryError('ERR_GRANARY_LOAD_FAILED', `the loader of ${uri} failed: ${why}`, {
    cause,
    data: { uri },
  });
}
