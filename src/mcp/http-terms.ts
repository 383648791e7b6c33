import type { StreamableHTTPServerTransportOptions } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import type { AnswerStyle } from './http-answer.ts';
import { MAX_PLAIN_BYTES } from './plain-request.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import type { VerifiedAuth } from './sdk-types.ts';

/** What the SDK's transport was made with; of what is read here, both versions have the same. */
export type HttpTransportOptions = StreamableHTTPServerTransportOptions;

/** What of an HTTP request comes before its body. */
export interface RequestHead {
  readonly method: string | undefined;
  /** @param name in lower case */
  header(name: string): string | undefined;
}

/** What a request is held against. */
export interface GateTerms {
  readonly answers: ReadyAnswers | undefined;
  /** What the SDK makes of a URL, where it does not tell one scheme from the other. */
  readonly scheme?: 'http';
  /** Whether a request is sent to whom it is for. */
  admits(head: RequestHead): boolean;
  /** @returns how a plain request is answered; `undefined` where the SDK is to answer */
  styleOf(
    request: JSONRPCRequest,
    head: RequestHead,
    authInfo: VerifiedAuth | undefined,
  ): AnswerStyle | undefined;
}

/** What is told of the version that a client speaks, so that the SDK is asked but once. */
const MAX_VERSIONS = 32;

/** Values of `mcp-protocol-version` that the SDK has let pass: which ones it does, it alone knows. */
export class VersionsSeen {
  readonly #seen = new Set<string>();

  isKnown(version: string | undefined): boolean {
    return version === undefined || this.#seen.has(version);
  }

  /** @param status with which a request that names the version was answered */
  note(version: string | undefined, status: number): void {
    if (version === undefined || status !== 200 || this.#seen.size >= MAX_VERSIONS) return;
    this.#seen.add(version);
  }
}

/**
 * Judges by a request's head whether the SDK's transport would take it up; in doubt it does not, and the
 * SDK tells why.
 */
export function isRegularHead(head: RequestHead, options: HttpTransportOptions): boolean {
  return (
    head.method === 'POST' &&
    acceptsBoth(head.header('accept')) &&
    /^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(head.header('content-type') ?? '') &&
    isFromHere(head, options) &&
    // What is stored for a client that comes back is the SDK's affair.
    options.eventStore === undefined
  );
}

/** Of a body that may be a plain request's. */
export function maxBodyBytes({ maxRequestBodySize }: HttpTransportOptions): number {
  return Math.min(MAX_PLAIN_BYTES, maxRequestBodySize ?? MAX_PLAIN_BYTES);
}

/** Protection from DNS rebinding, where the SDK is told to give it. */
function isFromHere(head: RequestHead, options: HttpTransportOptions): boolean {
  // oxlint-disable-next-line typescript/no-deprecated -- whoever still sets them is protected by them
  const { enableDnsRebindingProtection, allowedHosts = [], allowedOrigins = [] } = options;
  if (enableDnsRebindingProtection !== true) return true;
  const origin = head.header('origin');
  const isHost = allowedHosts.length === 0 || allowedHosts.includes(head.header('host') ?? '');
  const isOrigin =
    allowedOrigins.length === 0 || origin === undefined || allowedOrigins.includes(origin);
  return isHost && isOrigin;
}

function acceptsBoth(accept: string | undefined): boolean {
  return (
    accept !== undefined &&
    accept.includes('application/json') &&
    accept.includes('text/event-stream')
  );
}
