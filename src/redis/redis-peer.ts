import type * as Redis from 'redis';

import { GranaryError } from '../errors.ts';

const PACKAGE = 'redis';

/** @returns node-redis. @throws (rejects with) `ERR_GRANARY_MISSING_PEER` */
export async function importRedis(): Promise<typeof Redis> {
  try {
    return await import('redis');
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new GranaryError(
      'ERR_GRANARY_MISSING_PEER',
      `${PACKAGE} (version 6) is needed for RedisTier and is not installed: npm install ${PACKAGE}@6`,
      { cause, data: { package: PACKAGE } },
    );
  }
}

/** Not there at all; any other failure is its own. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !error.message.includes(`'${PACKAGE}'`)) return false;
  return (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
}
