import type { CompleteResult } from '@modelcontextprotocol/sdk/types.js';

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

/** Values for one variable of a template; none where the template completes no such variable. */
export async function completeVariable(
  registration: Registration<ReadContext>,
  { variable, value, params }: CompletionRequest,
  context: ListContext,
): Promise<readonly string[]> {
  const completer = registration.complete.get(variable);
  return completer === undefined ? [] : completer(value, { ...context, params });
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
