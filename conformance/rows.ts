import { Served } from './served.ts';
import type { Revision } from './suite-run.ts';

/** A server that the suite is run against, and the one whose failures it may share. */
export interface Row {
  readonly name: string;
  readonly revision: Revision;
  /** Name of the row of the same server without granary; none = it is that one. */
  readonly baseline?: string;
  readonly serve: () => Promise<Served>;
}

/** Resources of the fixture are the same for everybody. */
const PROXY_OPTIONS = ['--public', 'test://{+rest}'];

const SERVERS = [
  { sdk: 'v1', revision: '2025-11-25' },
  { sdk: 'v2', revision: '2025-11-25' },
  { sdk: 'v2', revision: '2026-07-28' },
] as const;

export const ROWS: readonly Row[] = SERVERS.flatMap(({ sdk, revision }) => {
  const baseline = `${sdk} bare`;
  return [
    { name: baseline, revision, serve: () => Served.fixture(sdk, 'bare') },
    { name: `${sdk} granary`, revision, baseline, serve: () => Served.fixture(sdk, 'granary') },
    {
      name: `proxy → ${sdk}`,
      revision,
      baseline,
      serve: () => Served.proxied(sdk, PROXY_OPTIONS),
    },
  ];
});
