import { describeValue } from '../describe-value.ts';

/** What was thrown, in a form that crosses to another thread or process with its stack, cause and code. */
export type CarriedError =
  | { readonly isError: false; readonly value: unknown }
  | {
      readonly isError: true;
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly cause: CarriedError | undefined;
      readonly errors: readonly CarriedError[] | undefined;
      readonly fields: Readonly<Record<string, unknown>>;
    };

/** Deeper causes are cut off: a chain may be a ring. */
const MAX_DEPTH = 8;

export function carryError(thrown: unknown, depth = 0): CarriedError {
  if (!(thrown instanceof Error)) return { isError: false, value: cloneable(thrown) };
  const { name, message, stack } = thrown;
  const deeper = depth < MAX_DEPTH;
  const errors: unknown = Reflect.get(thrown, 'errors');
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(thrown)) fields[key] = cloneable(value);
  return {
    isError: true,
    name,
    message,
    stack,
    cause: deeper && 'cause' in thrown ? carryError(thrown.cause, depth + 1) : undefined,
    errors:
      deeper && Array.isArray(errors)
        ? errors.map((error: unknown) => carryError(error, depth + 1))
        : undefined,
    fields,
  };
}

/** @returns an error that says all that the one thrown elsewhere said. */
export function restoreError(carried: CarriedError): unknown {
  if (!carried.isError) return carried.value;
  const { name, message, stack, cause, errors, fields } = carried;
  const options = cause === undefined ? undefined : { cause: restoreError(cause) };
  const error =
    errors === undefined
      ? new Error(message, options)
      : new AggregateError(errors.map(restoreError), message, options);
  Object.assign(error, fields);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return describeValue(value);
  }
}
