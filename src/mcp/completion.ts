import type { CompleteResult } from '@modelcontextprotocol/sdk/types.js';

import { describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import type { ReadContext } from '../manager/read-context.ts';
import type { ListContext, Registration } from '../registry/registration.ts';

/** The most values that one answer may hold (MCP, completion/complete). */
const MOST_VALUES = 100;

/** What a client asks to have completed. */
export interface CompletionRequest {
  readonly variable: string;
  readonly value: string;
  /** The other variables that have a value already. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Values for one variable of a template; none where the template completes no such variable.
 *
 * @throws (rejects with) what the completer throws; `ERR_GRANARY_LOAD_FAILED` where it returns
 * anything but an array of strings: of a string, a client would be sent the letters.
 */
export async function completeVariable(
  registration: Registration<ReadContext>,
  { variable, value, params }: CompletionRequest,
  context: ListContext,
): Promise<readonly string[]> {
  const completer = registration.complete.get(variable);
  if (completer === undefined) return [];
  const values: unknown = await completer(value, { ...context, params });
  if (!Array.isArray(values)) refuse(registration, variable, describeValue(values));
  const wrong = values.findIndex((item) => typeof item !== 'string');
  if (wrong >= 0) {
    refuse(registration, variable, `${describeValue(values[wrong])} at index ${wrong}`);
  }
  return values as string[];
}

function refuse({ pattern }: Registration<ReadContext>, variable: string, got: string): never {
  throw new GranaryError(
    'ERR_GRANARY_LOAD_FAILED',
    `the completer of {${variable}} in ${pattern} must return an array of strings, got ${got}`,
    { data: { pattern, variable } },
  );
}

/** The first hundred values, and how many there are. */
export function completionResult(values: readonly string[]): CompleteResult {
  return {
    completion: {
      values: values.slice(0, MOST_VALUES),
      total: values.length,
      hasMore: values.length > MOST_VALUES,
    },
  };
}
