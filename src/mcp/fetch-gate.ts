import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import { readyResponse } from './http-answer.ts';
import {
  isRegularHead,
  maxBodyBytes,
  type GateTerms,
  type HttpTransportOptions,
  type RequestHead,
  type VersionsSeen,
} from './http-terms.ts';
import { requestOf } from './plain-request.ts';
import type { MessageOrigin } from './sdk-context.ts';
import type { FetchOptions } from './sdk-transport.ts';
import { readSmallRequest } from './small-request.ts';

/** Has the SDK answer. */
type Pass = (request: Request, options?: FetchOptions) => Promise<Response>;

/** Stands before the SDK where requests and responses are those of `fetch`. */
export class FetchGate {
  readonly #options: HttpTransportOptions;
  readonly #versions: VersionsSeen;

  constructor(options: HttpTransportOptions, versions: VersionsSeen) {
    this.#options = options;
    this.#versions = versions;
  }

  /** Answers a hit; has `pass` do everything else. */
  async handle(
    request: Request,
    options: FetchOptions | undefined,
    terms: GateTerms,
    pass: Pass,
  ): Promise<Response> {
    const head = headOf(request);
    const isRegular = isRegularHead(head, this.#options) && terms.admits(head);
    if (terms.answers === undefined || !isRegular || request.signal.aborted) {
      return pass(request, options);
    }
    const parsedBody = options?.parsedBody;
    if (parsedBody !== undefined) return this.#answer(request, head, options, terms, pass);
    if (request.body === null || request.bodyUsed) return pass(request, options);
    const body = await readSmallRequest(request, maxBodyBytes(this.#options));
    if (!body.isJson) return pass(body.unread, options);
    return this.#answer(request, head, { ...options, parsedBody: body.parsed }, terms, pass);
  }

  async #answer(
    request: Request,
    head: RequestHead,
    options: FetchOptions | undefined,
    terms: GateTerms,
    pass: Pass,
  ): Promise<Response> {
    const plain = requestOf(options?.parsedBody);
    if (plain === undefined) return pass(request, options);
    const version = head.header('mcp-protocol-version');
    const hit = this.#versions.isKnown(version)
      ? responseTo(plain, request, head, options, terms)
      : undefined;
    if (hit !== undefined) return hit;
    const response = await pass(request, options);
    this.#versions.note(version, response.status);
    return response;
  }
}

function headOf({ method, headers }: Request): RequestHead {
  return { method, header: (name) => headers.get(name) ?? undefined };
}

function responseTo(
  plain: JSONRPCRequest,
  request: Request,
  head: RequestHead,
  options: FetchOptions | undefined,
  terms: GateTerms,
): Response | undefined {
  const authInfo = options?.authInfo;
  const style = terms.styleOf(plain, head, authInfo);
  if (style === undefined) return undefined;
  const origin: MessageOrigin = { authInfo, request };
  const ready = terms.answers?.find(plain, origin as never);
  return ready === undefined ? undefined : readyResponse(plain, ready, style);
}
