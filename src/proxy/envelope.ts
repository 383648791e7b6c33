import { CAPABILITIES_KEY, requestVersion, VERSION_KEY } from './era.ts';
import { isObject, type Message } from './message.ts';

/** The first revision whose requests say in `_meta` what a session knew before. */
const FIRST = '2026-07-28';
const DATED = /^\d{4}-\d\d-\d\d$/;

/**
 * What is missing from a request of 2026-07-28 or later, which its body or its headers say that it is
 * (2026-07-28, basic, `_meta`).
 *
 * @param header the `MCP-Protocol-Version` of the request
 * @returns `undefined` for one that is complete, or of an older revision
 */
export function envelopeFault(message: Message, header: string | undefined): string | undefined {
  if (message.kind !== 'request') return undefined;
  if (requestVersion(message) === undefined) {
    const isNamed = header !== undefined && DATED.test(header) && header >= FIRST;
    return isNamed ? `_meta must have ${VERSION_KEY}` : undefined;
  }
  return isObject(message.meta[CAPABILITIES_KEY])
    ? undefined
    : `_meta must have ${CAPABILITIES_KEY}`;
}
