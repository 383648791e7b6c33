import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

import { checkFunction, checkOptions } from '../options.ts';
import { HttpGate, VersionsSeen, type HttpTransportOptions } from './http-gate.ts';
import { overrideMethod } from './method-override.ts';
import { readyAnswersOf } from './ready-answers.ts';

/** A transport of the SDK over Streamable HTTP. */
export interface HttpTransport extends Transport {
  handleRequest(
    request: IncomingMessage & { auth?: AuthInfo },
    response: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void>;
}

/** `StreamableHTTPServerTransport` of the SDK. */
export type HttpTransportClass<T extends HttpTransport = HttpTransport> = new (
  options: HttpTransportOptions,
) => T;

const versionsOf = new WeakMap<HttpTransportClass, VersionsSeen>();

/** What all transports of one class have learnt of it. */
export function versionsSeenBy(transportClass: HttpTransportClass): VersionsSeen {
  const seen = versionsOf.get(transportClass) ?? new VersionsSeen();
  versionsOf.set(transportClass, seen);
  return seen;
}

/** @throws `ERR_GRANARY_BAD_OPTION`; what the class throws */
export function cachingHttpTransport<T extends HttpTransport>(
  transportClass: HttpTransportClass<T>,
  options?: HttpTransportOptions,
): T {
  checkFunction('StreamableHTTPServerTransport', transportClass);
  const given: HttpTransportOptions = { ...checkOptions('options', options) };
  const transport = new transportClass(given);
  // One that has no sessions is made for a single request, and the SDK throws at the second one.
  if (given.sessionIdGenerator === undefined) return transport;
  const gate = new HttpGate(given, versionsSeenBy(transportClass));
  overrideMethod(
    transport as HttpTransport,
    'handleRequest',
    (pass) => (request, response, parsedBody) =>
      gate.handle(
        request,
        response,
        parsedBody,
        {
          answers: readyAnswersOf(transport),
          hasSessions: true,
          sessionId: transport.sessionId,
          isJson: given.enableJsonResponse === true,
        },
        pass,
      ),
  );
  return transport;
}
