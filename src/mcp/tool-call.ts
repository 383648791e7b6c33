/** A call of a tool, as far as its answer may depend on it. */
export interface ToolCall {
  readonly tool: string;
  /** Name and arguments as one text: the same however members are ordered. */
  readonly subject: string;
}

/**
 * @param params of `tools/call`, without `_meta`
 * @returns `undefined` where a call says more, such as that a task is to be made of it or what its
 *   tool wanted to know (`inputResponses`, `requestState`), and for what is no call
 */
export function calledIn(params: Readonly<Record<string, unknown>>): ToolCall | undefined {
  const { name: tool, arguments: given = {}, ...others } = params;
  if (typeof tool !== 'string' || typeof given !== 'object' || given === null) return undefined;
  if (Array.isArray(given) || Object.keys(others).length > 0) return undefined;
  try {
    return { tool, subject: `${JSON.stringify(tool)} ${JSON.stringify(given, inOrder)}` };
  } catch {
    return undefined; // nested deeper than can be written
  }
}

/** Members by name. Whether a number was written `1` or `1.0` no handler can tell either. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
