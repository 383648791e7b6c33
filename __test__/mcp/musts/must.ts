/** One MUST of the specification that binds a server, or who stands in its place. */
export interface Must {
  /** Revisions, page and heading. */
  readonly section: string;
  /** In our own words. */
  readonly must: string;
  /** A file below `__test__/` and the beginning of a title in it. */
  readonly test?: readonly [file: string, title: string];
  /** A scenario of the official suite. */
  readonly scenario?: string;
  /** Whose it is, where it is not ours. */
  readonly left?: string;
}

export const OLD = '2025-11-25';
export const NEW = '2026-07-28';
export const BOTH = `${OLD} and ${NEW}`;

/** Files below `__test__/`. */
export const SESSIONS = 'mcp/specification-sessions.test.ts';
export const SESSIONS_HTTP = 'mcp/specification-sessions-http.test.ts';
export const SESSIONS_FEATURES = 'mcp/specification-sessions-features.test.ts';
export const STATELESS = 'mcp/specification-stateless.test.ts';
export const STATELESS_PATTERNS = 'mcp/specification-stateless-patterns.test.ts';
export const STATELESS_HTTP = 'mcp/specification-stateless-http.test.ts';
export const STATELESS_FEATURES = 'mcp/specification-stateless-features.test.ts';
export const SPECIFICATION = 'mcp/specification.test.ts';

/** Held by a test of ours, which says the MUST in its title where no other one is given. */
export function held(
  revision: string,
  place: string,
  must: string,
  file: string,
  title = must,
): Must {
  return { section: `${revision} ${place}`, must, test: [file, title] };
}

/** Held by a scenario of the official suite, which runs against a cached server and the proxy. */
export function suite(revision: string, place: string, must: string, scenario: string): Must {
  return { section: `${revision} ${place}`, must, scenario };
}

/** Left to somebody else. */
export function left(revision: string, place: string, must: string, whom: string): Must {
  return { section: `${revision} ${place}`, must, left: whom };
}
