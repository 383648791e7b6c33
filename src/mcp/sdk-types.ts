/**
 * What is used of the SDK's types, of either generation, in what is public here: programs that have
 * only one of the packages installed could not compile against types that name the other.
 */

/** A function whatever it takes. */
type AnyMethod = (...args: never) => unknown;

/** `Server` of `@modelcontextprotocol/sdk` 1 or `@modelcontextprotocol/server` 2. */
export interface SdkLowLevelServer {
  readonly connect: AnyMethod;
  readonly notification: AnyMethod;
  readonly setRequestHandler: AnyMethod;
  readonly removeRequestHandler: AnyMethod;
  readonly registerCapabilities: AnyMethod;
}

/** `McpServer` of `@modelcontextprotocol/sdk` 1 or `@modelcontextprotocol/server` 2. */
export interface SdkMcpServer {
  readonly server: SdkLowLevelServer;
  readonly connect: AnyMethod;
  readonly registerTool: AnyMethod;
  readonly registerResource: AnyMethod;
}

/** What a user has: either of the servers of either generation. */
export type SdkServer = SdkLowLevelServer | SdkMcpServer;

/** What was verified of whoever sends a request, as the SDK has it. */
export interface VerifiedAuth {
  readonly token: string;
  readonly clientId: string;
  readonly scopes: string[];
  /** Seconds since 1970. */
  readonly expiresAt?: number;
  readonly resource?: URL;
  readonly extra?: Record<string, unknown>;
}

/** The HTTP request by which a message came. */
export interface HttpRequestInfo {
  /** By name in lower case. */
  readonly headers: Record<string, string | string[] | undefined>;
  readonly url?: URL;
}

/** Params of `completion/complete` about a prompt. */
export interface PromptCompletionParams {
  readonly ref:
    | { readonly type: 'ref/prompt'; readonly name: string }
    | { readonly type: 'ref/resource'; readonly uri: string };
  readonly argument: { readonly name: string; readonly value: string };
  readonly context?: { readonly arguments?: Record<string, string> | undefined } | undefined;
}

/** What `completion/complete` is answered with. */
export interface CompletionValues {
  completion: { values: string[]; total?: number | undefined; hasMore?: boolean | undefined };
  [key: string]: unknown;
}
