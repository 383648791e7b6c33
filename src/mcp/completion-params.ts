import { describeValue } from '../describe-value.ts';
import { INVALID_PARAMS, JsonRpcError } from './json-rpc-error.ts';
import type { PromptCompletionParams } from './sdk-types.ts';

type Members = Readonly<Record<string, unknown>>;

/**
 * @param params of `completion/complete` as they came
 * @throws JSON-RPC -32602 naming the member that is wrong
 */
export function completionParams(params: Members): PromptCompletionParams {
  const ref = membersOf('ref', params['ref']);
  const { type } = ref;
  if (type === 'ref/prompt') textOf('ref.name', ref['name']);
  else if (type === 'ref/resource') textOf('ref.uri', ref['uri']);
  else refuse('ref.type', type, "'ref/prompt' or 'ref/resource'");
  const argument = membersOf('argument', params['argument']);
  textOf('argument.name', argument['name']);
  textOf('argument.value', argument['value']);
  const { context = {} } = params;
  const { arguments: given = {} } = membersOf('context', context);
  for (const [name, value] of Object.entries(membersOf('context.arguments', given))) {
    textOf(`context.arguments.${name}`, value);
  }
  return params as unknown as PromptCompletionParams;
}

function membersOf(at: string, value: unknown): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  return refuse(at, value, 'an object');
}

function textOf(at: string, value: unknown): void {
  if (typeof value !== 'string') refuse(at, value, 'a string');
}

function refuse(at: string, value: unknown, allowed: string): never {
  throw new JsonRpcError(
    INVALID_PARAMS,
    `Invalid params: ${at} must be ${allowed}, got ${describeValue(value)}`,
  );
}
