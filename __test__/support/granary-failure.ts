import { expect } from 'vitest';
import { GranaryError, type GranaryErrorCode } from '../../src/errors.ts';

/** @returns the GranaryError that `action` throws or rejects with; fails where it does neither. */
export async function granaryFailure(
  action: () => unknown,
  code: GranaryErrorCode,
): Promise<GranaryError> {
  let outcome: unknown;
  try {
    outcome = await action();
  } catch (error) {
    expect(error).toBeInstanceOf(GranaryError);
    const failure = error as GranaryError;
    expect(failure.code, failure.message).toBe(code);
    return failure;
  }
  expect.fail(`expected ${code}, got the result ${typeof outcome}`);
}
