/** Codes of every error that this package throws. */
export type GranaryErrorCode =
  | 'ERR_GRANARY_BAD_OPTION'
  | 'ERR_GRANARY_BAD_URI'
  | 'ERR_GRANARY_BAD_TEMPLATE'
  | 'ERR_GRANARY_NO_MATCH'
  | 'ERR_GRANARY_NO_LOADER'
  | 'ERR_GRANARY_LOAD_FAILED'
  | 'ERR_GRANARY_ABORTED'
  | 'ERR_GRANARY_CLOSED'
  | 'ERR_GRANARY_NOT_CLONEABLE'
  | 'ERR_GRANARY_NAME_IN_USE'
  | 'ERR_GRANARY_BAD_DUMP'
  | 'ERR_GRANARY_LIMIT_EXCEEDED'
  | 'ERR_GRANARY_MISSING_PEER'
  | 'ERR_GRANARY_UNSUPPORTED_RUNTIME'
  | 'ERR_GRANARY_INTERNAL';

/** What an error was about, for machines: the option, the value, the allowed range, the URI. */
export type GranaryErrorData = Readonly<Record<string, unknown>>;

const brand = Symbol.for('mcp-granary.GranaryError');

/**
 * The one error class of this package.
 *
 * `instanceof` works across two copies of the package in one process: the class is recognised by a
 * registered symbol, not by identity.
 *
 * @example
 * ```ts
 * import { GranaryError, ResourceCache } from 'mcp-granary';
 * try {
 *   new ResourceCache({ maxEntries: -1 });
 * } catch (error) {
 *   if (error instanceof GranaryError) console.log(error.code); // ERR_GRANARY_BAD_OPTION
 * }
 * ```
 */
export class GranaryError extends Error {
  /** Stable, machine-readable reason. */
  readonly code: GranaryErrorCode;
  /** Details for machines; never holds cached values. */
  readonly data: GranaryErrorData;

  constructor(
    code: GranaryErrorCode,
    message: string,
    options: { cause?: unknown; data?: GranaryErrorData } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'GranaryError';
    this.code = code;
    this.data = options.data ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    // A class that extends this one is recognised as any other class is.
    return this === GranaryError ? brand in value : this.prototype.isPrototypeOf(value);
  }
}

/** Whether something failed as what it was asked of is closed. */
export function isClosedError(error: unknown): boolean {
  return error instanceof GranaryError && error.code === 'ERR_GRANARY_CLOSED';
}
