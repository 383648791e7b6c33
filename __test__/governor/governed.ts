import { afterEach } from 'vitest';
import {
  EnhancedResourceManager,
  type EnhancedResourceManagerOptions,
  type GovernorEventDetails,
  type GovernorEventName,
} from '../../src/governor/index.ts';
import { deferred } from '../support/deferred.ts';
import { knownUse } from './known-use.ts';

const open: EnhancedResourceManager[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((governor) => governor.close()));
});

/** A governor that is closed after the test, whose tools have little grace. */
export function governed(options: EnhancedResourceManagerOptions = {}): EnhancedResourceManager {
  const governor = new EnhancedResourceManager({
    process: { graceMs: 50 },
    worker: { graceMs: 50 },
    ...options,
  });
  open.push(governor);
  return governor;
}

/** What is told by an event from now on. */
export function heard<Name extends GovernorEventName>(
  governor: EnhancedResourceManager,
  name: Name,
) {
  const events: GovernorEventDetails[Name][] = [];
  governor.on(name, (event) => events.push(event));
  return events;
}

/** Starts a tool that holds what it takes, and waits until it does. */
export async function hold(governor: EnhancedResourceManager, tool: string, ...args: unknown[]) {
  const held = deferred<void>();
  const stop = new AbortController();
  const result = governor.execute('tool', knownUse(tool, ...args), {
    signal: stop.signal,
    onProgress: () => held.resolve(),
  });
  result.catch(() => undefined);
  await Promise.race([held.promise, result]);
  return { result, stop: () => stop.abort(new Error('enough')) };
}
