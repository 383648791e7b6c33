import { checkFunction, checkOptions } from '../options.ts';
import { HttpGate, VersionsSeen, type HttpTransportOptions } from './http-gate.ts';
import { overrideMethod } from './method-override.ts';
import { readyAnswersOf } from './ready-answers.ts';
import type { HttpTransportClass, SdkHttpTransport } from './sdk-transport.ts';

const versionsOf = new WeakMap<object, VersionsSeen>();

/** What all transports of one class have learnt of it. */
export function versionsSeenBy(transportClass: object): VersionsSeen {
  const seen = versionsOf.get(transportClass) ?? new VersionsSeen();
  versionsOf.set(transportClass, seen);
  return seen;
}

/** @throws `ERR_GRANARY_BAD_OPTION`; what the class throws */
export function cachingHttpTransport<Options, Made extends SdkHttpTransport>(
  transportClass: HttpTransportClass<Options, Made>,
  options: Options | undefined,
): Made {
  checkFunction('StreamableHTTPServerTransport', transportClass);
  const given: HttpTransportOptions = { ...checkOptions('options', options as object | undefined) };
  const transport = new transportClass(given as Options);
  // One that has no sessions is made for a single request, and the SDK throws at the second one.
  if (given.sessionIdGenerator === undefined) return transport;
  const gate = new HttpGate(given, versionsSeenBy(transportClass));
  overrideMethod(
    transport as SdkHttpTransport,
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
