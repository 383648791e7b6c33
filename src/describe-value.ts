/**
 * A value as it is named in an error message: its type where that is the point, cut short where it
 * is long. Never calls code of the value's own (no `toString`, no getters).
 */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 80
        ? `${JSON.stringify(value.slice(0, 60))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
  }
}

/** What was thrown, by its message or its stack; survives an error whose properties throw. */
export function describeError(error: unknown, by: 'message' | 'stack' = 'message'): string {
  try {
    const text: unknown = error instanceof Error ? (error[by] ?? error.message) : undefined;
    return typeof text === 'string' ? text : describeValue(error);
  } catch {
    return 'an error that cannot be read';
  }
}

/** A URI as it is named in a message: as it is, or cut short where it is long. */
export function describeUri(uri: string): string {
  return uri.length > 200 ? `${uri.slice(0, 60)}… (${uri.length} characters)` : uri;
}
