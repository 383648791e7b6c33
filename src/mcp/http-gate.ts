import type { ServerResponse } from 'node:http';

import type { StreamableHTTPServerTransportOptions } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { sendReady, type AnswerStyle } from './http-answer.ts';
import { MAX_PLAIN_BYTES, requestIn, requestOf } from './plain-request.ts';
import type { ReadyAnswer } from './ready-answer.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import type { HttpRequest } from './sdk-transport.ts';
import { bodyLengthOf, readSmallBody } from './small-body.ts';

/** What the SDK's transport was made with. */
export type HttpTransportOptions = StreamableHTTPServerTransportOptions;

/** Has the SDK answer; the body where it was read already, as `JSON.parse` gives it. */
type Pass = (request: HttpRequest, response: ServerResponse, parsedBody?: unknown) => Promise<void>;

/** What a request is held against. */
export interface GateTerms extends AnswerStyle {
  readonly answers: ReadyAnswers | undefined;
  /** Whether the request must name the session. */
  readonly hasSessions: boolean;
}

/** What is told of the version that a client speaks, so that the SDK is asked but once. */
const MAX_VERSIONS = 32;

/**
 * Stands before the SDK's transport over HTTP and judges by a request's headers whether it would take
 * the request up; in doubt it does not, and the SDK tells why.
 */
export class HttpGate {
  readonly #options: HttpTransportOptions;
  readonly #versions: VersionsSeen;

  constructor(options: HttpTransportOptions, versions: VersionsSeen) {
    this.#options = options;
    this.#versions = versions;
  }

  /** Answers a hit; has `pass` do everything else. */
  async handle(
    request: HttpRequest,
    response: ServerResponse,
    parsedBody: unknown,
    terms: GateTerms,
    pass: Pass,
  ): Promise<void> {
    if (terms.answers === undefined || !this.#isRegular(request, response, terms)) {
      return pass(request, response, parsedBody);
    }
    if (parsedBody !== undefined) {
      const plain = requestOf(parsedBody);
      if (plain === undefined) return pass(request, response, parsedBody);
      return this.#answer(request, response, plain, terms, pass);
    }
    const length = bodyLengthOf(request) ?? 0;
    const isUnread = !request.readableDidRead && !('rawBody' in request);
    if (length === 0 || length > this.#maxBodyBytes || !isUnread) return pass(request, response);
    return new Promise((resolve, reject) => {
      readSmallBody(request, length, (body) => {
        const plain = body === undefined ? undefined : requestIn(body.bytes.toString());
        if (plain === undefined) body?.giveBack();
        const answered =
          plain === undefined
            ? pass(request, response)
            : this.#answer(request, response, plain, terms, pass);
        answered.then(resolve, reject);
      });
    });
  }

  get #maxBodyBytes(): number {
    return Math.min(MAX_PLAIN_BYTES, this.#options.maxRequestBodySize ?? MAX_PLAIN_BYTES);
  }

  async #answer(
    request: HttpRequest,
    response: ServerResponse,
    plain: JSONRPCRequest,
    terms: GateTerms,
    pass: Pass,
  ): Promise<void> {
    const version = request.headers['mcp-protocol-version'];
    if (this.#versions.isKnown(version)) {
      const ready = found(terms.answers, plain, request);
      if (ready !== undefined) return sendReady(response, plain, ready, terms);
    } else {
      this.#versions.learn(version, response);
    }
    return pass(request, response, plain);
  }

  #isRegular(request: HttpRequest, response: ServerResponse, terms: GateTerms): boolean {
    const { headers, rawHeaders, method, httpVersionMajor } = request;
    return (
      method === 'POST' &&
      httpVersionMajor === 1 &&
      !response.headersSent &&
      !response.writableEnded &&
      // Of a header that comes twice, Node takes the first and the SDK both.
      rawHeaders.length === 2 * Object.keys(headers).length &&
      acceptsBoth(headers.accept) &&
      /^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(headers['content-type'] ?? '') &&
      this.#isFromHere(request) &&
      (!terms.hasSessions ||
        (terms.sessionId !== undefined && headers['mcp-session-id'] === terms.sessionId)) &&
      // What is stored for a client that comes back is the SDK's affair.
      this.#options.eventStore === undefined
    );
  }

  /** Protection from DNS rebinding, where the SDK is told to give it. */
  #isFromHere({ headers: { host, origin } }: HttpRequest): boolean {
    // oxlint-disable-next-line typescript/no-deprecated -- whoever still sets them is protected by them
    const { enableDnsRebindingProtection, allowedHosts = [], allowedOrigins = [] } = this.#options;
    if (enableDnsRebindingProtection !== true) return host !== undefined;
    const isHost = allowedHosts.length === 0 || allowedHosts.includes(host ?? '');
    const isOrigin =
      allowedOrigins.length === 0 || origin === undefined || allowedOrigins.includes(origin);
    return host !== undefined && isHost && isOrigin;
  }
}

/** Values of `mcp-protocol-version` that the SDK has let pass: which ones it does, it alone knows. */
export class VersionsSeen {
  readonly #seen = new Set<string>();

  isKnown(version: string | string[] | undefined): boolean {
    return version === undefined || (typeof version === 'string' && this.#seen.has(version));
  }

  /** Takes note of a version when the request that names it is answered. */
  learn(version: string | string[] | undefined, response: ServerResponse): void {
    if (typeof version !== 'string' || this.#seen.size >= MAX_VERSIONS) return;
    response.once('finish', () => {
      if (response.statusCode === 200) this.#seen.add(version);
    });
  }
}

function acceptsBoth(accept: string | undefined): boolean {
  return (
    accept !== undefined &&
    accept.includes('application/json') &&
    accept.includes('text/event-stream')
  );
}

function found(
  answers: ReadyAnswers | undefined,
  plain: JSONRPCRequest,
  request: HttpRequest,
): ReadyAnswer | undefined {
  try {
    return answers?.find(plain, extraOf(request));
  } catch {
    return undefined; // a request target that is no URL: the SDK refuses it
  }
}

/** What the SDK tells with a message that comes by a request. */
function extraOf(request: HttpRequest): MessageExtraInfo {
  const { auth, headers, url = '/' } = request;
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  return {
    ...(auth === undefined ? {} : { authInfo: auth }),
    requestInfo: { headers: { ...headers }, url: new URL(url, `${scheme}://${headers.host}`) },
  };
}
