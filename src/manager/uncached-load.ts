import { abortedError } from '../cache/flights.ts';
import type { LoadContext } from '../cache/loader.ts';
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
  loader: (context: LoadContext<ReadResult>) => Promise<ReadResult>,
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
    };
    loader(context)
      .then(resolve, (cause: unknown) => reject(readFailure(failed(uri, cause), uri, uri)))
      .finally(() => signal?.removeEventListener('abort', onAbort));
  });
}

function failed(uri: string, cause: unknown): GranaryError {
  const why = describeError(cause);
  return new GranaryError('ERR_GRANARY_LOAD_FAILED', `the loader of ${uri} failed: ${why}`, {
    cause,
    data: { uri },
  });
}
