import type { ServerResponse } from 'node:http';

import type { JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { sendReady } from './http-answer.ts';
import {
  isRegularHead,
  maxBodyBytes,
  type GateTerms,
  type HttpTransportOptions,
  type RequestHead,
  type VersionsSeen,
} from './http-terms.ts';
import { requestIn, requestOf } from './plain-request.ts';
import type { ReadyAnswer } from './ready-answer.ts';
import type { HttpRequest } from './sdk-transport.ts';
import { bodyLengthOf, readSmallBody } from './small-body.ts';

/** Has the SDK answer; the body where it was read already, as `JSON.parse` gives it. */
type Pass = (request: HttpRequest, response: ServerResponse, parsedBody?: unknown) => Promise<void>;

/** Stands before the SDK on `node:http`. */
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
    if (length === 0 || length > maxBodyBytes(this.#options) || !isUnread) {
      return pass(request, response);
    }
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

  async #answer(
    request: HttpRequest,
    response: ServerResponse,
    plain: JSONRPCRequest,
    terms: GateTerms,
    pass: Pass,
  ): Promise<void> {
    const head = headOf(request);
    const version = head.header('mcp-protocol-version');
    if (this.#versions.isKnown(version)) {
      const style = terms.styleOf(plain, head, request.auth);
      const ready = style === undefined ? undefined : found(plain, request, terms);
      if (style !== undefined && ready !== undefined) {
        return sendReady(response, plain, ready, style);
      }
    } else {
      response.once('finish', () => this.#versions.note(version, response.statusCode));
    }
    return pass(request, response, plain);
  }

  #isRegular(request: HttpRequest, response: ServerResponse, terms: GateTerms): boolean {
    const { headers, rawHeaders, httpVersionMajor } = request;
    const head = headOf(request);
    return (
      httpVersionMajor === 1 &&
      !response.headersSent &&
      !response.writableEnded &&
      // Of a header that comes twice, Node takes the first and the SDK both.
      rawHeaders.length === 2 * Object.keys(headers).length &&
      headers.host !== undefined &&
      isRegularHead(head, this.#options) &&
      terms.admits(head)
    );
  }
}

function headOf({ method, headers }: HttpRequest): RequestHead {
  return {
    method,
    header: (name) => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    },
  };
}

function found(
  plain: JSONRPCRequest,
  request: HttpRequest,
  { answers, scheme }: GateTerms,
): ReadyAnswer | undefined {
  try {
    return answers?.find(plain, extraOf(request, scheme));
  } catch {
    return undefined; // a request target that is no URL: the SDK refuses it
  }
}

/** What the SDK tells with a message that comes by a request. */
function extraOf(request: HttpRequest, scheme: string | undefined): MessageExtraInfo {
  const { auth, headers, url = '/' } = request;
  const spoken = scheme ?? ('encrypted' in request.socket ? 'https' : 'http');
  return {
    ...(auth === undefined ? {} : { authInfo: auth }),
    requestInfo: { headers: { ...headers }, url: new URL(url, `${spoken}://${headers.host}`) },
  };
}
