import type { ServerResponse } from 'node:http';

import { checkFunction, checkOptions } from '../options.ts';
import { FetchGate } from './fetch-gate.ts';
import { HttpGate } from './http-gate.ts';
import { VersionsSeen, type GateTerms, type HttpTransportOptions } from './http-terms.ts';
import { overrideMethod } from './method-override.ts';
import { readyAnswersOf } from './ready-answers.ts';
import { ScopeChallenges } from './scope-challenges.ts';
import type {
  FetchOptions,
  HttpRequest,
  HttpTransportClass,
  SdkFetchTransport,
  SdkHttpTransport,
} from './sdk-transport.ts';

const versionsOf = new WeakMap<object, VersionsSeen>();

/** What all transports of one class have learnt of it; in version 2 each server has versions of its own. */
export function versionsSeenBy(transportClass: object): VersionsSeen {
  const { prototype } = transportClass as { readonly prototype?: object };
  if (prototype !== undefined && 'setSupportedProtocolVersions' in prototype) {
    return new VersionsSeen();
  }
  const seen = versionsOf.get(transportClass) ?? new VersionsSeen();
  versionsOf.set(transportClass, seen);
  return seen;
}

/** Takes up requests of `node:http`, or of `fetch`. */
type HandleRequest = (
  request: HttpRequest | Request,
  context: ServerResponse | FetchOptions | undefined,
  parsedBody?: unknown,
) => Promise<void | Response>;

/** @throws `ERR_GRANARY_BAD_OPTION`; what the class throws */
export function cachingHttpTransport<Options, Made extends SdkHttpTransport | SdkFetchTransport>(
  transportClass: HttpTransportClass<Options, Made>,
  options: Options | undefined,
): Made {
  checkFunction('StreamableHTTPServerTransport', transportClass);
  const given: HttpTransportOptions = { ...checkOptions('options', options as object | undefined) };
  const transport = new transportClass(given as Options);
  // One that has no sessions is made for a single request, and the SDK throws at the second one.
  if (given.sessionIdGenerator === undefined) return transport;
  const versions = versionsSeenBy(transportClass);
  const gates = { node: new HttpGate(given, versions), fetch: new FetchGate(given, versions) };
  const terms = termsOf(transport, given.enableJsonResponse === true);
  overrideMethod(
    transport as { handleRequest: HandleRequest },
    'handleRequest',
    (pass) => (request, context, parsedBody) =>
      isOfFetch(request)
        ? gates.fetch.handle(request, context as FetchOptions, terms, pass as never)
        : gates.node.handle(request, context as ServerResponse, parsedBody, terms, pass as never),
  );
  return transport;
}

function termsOf(transport: SdkHttpTransport | SdkFetchTransport, isJson: boolean): GateTerms {
  const challenges = new ScopeChallenges();
  challenges.followTransport(transport);
  return {
    get answers() {
      return readyAnswersOf(transport);
    },
    admits: (head) =>
      transport.sessionId !== undefined && head.header('mcp-session-id') === transport.sessionId,
    styleOf: (request, _, authInfo) =>
      challenges.lets(request, authInfo) ? { isJson, sessionId: transport.sessionId } : undefined,
  };
}

function isOfFetch(request: HttpRequest | Request): request is Request {
  return typeof (request as Request).headers.get === 'function';
}
