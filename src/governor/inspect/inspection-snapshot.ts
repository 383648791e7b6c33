import type { CacheStats } from '../../cache/cache-stats.ts';
import { describeError } from '../../describe-value.ts';
import type { EnhancedResourceManager } from '../enhanced-resource-manager.ts';
import { GOVERNOR_EVENT_NAMES, type GovernorEventName } from '../governor-event.ts';
import type { ToolInspection } from './tool-inspection.ts';

/** A governor whose tools can be seen: an `EnhancedResourceManager`. */
export type InspectedGovernor = Pick<EnhancedResourceManager, 'tools' | 'inspect' | 'count'>;

/** A cache whose figures can be seen: a `ResourceCache`, a `ResourceManager`. */
export interface InspectedCache {
  stats(): CacheStats;
}

/** What a whole process uses. */
export interface InspectedProcess {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Outside of V8's heap, on behalf of its objects. */
  readonly externalBytes: number;
  /** CPU time of all its threads since its start. */
  readonly cpuMs: number;
  readonly uptimeMs: number;
}

/** A cache by its name, with its figures, or with why they cannot be had: it was closed. */
export type CacheInspection =
  | ({ readonly name: string } & CacheStats)
  | { readonly name: string; readonly error: string };

/** What an inspection endpoint tells: how tools and caches of a process stand at a moment. */
export interface InspectionSnapshot {
  /** Of this form. */
  readonly version: typeof SNAPSHOT_VERSION;
  readonly pid: number;
  /** Of the endpoint. */
  readonly name: string;
  /** Start of the process, in ms since 1970. */
  readonly startedMs: number;
  /** In ms since 1970. */
  readonly nowMs: number;
  readonly process: InspectedProcess;
  /** How often each event of the governor has happened; empty without a governor. */
  readonly events: Readonly<Partial<Record<GovernorEventName, number>>>;
  readonly tools: readonly ToolInspection[];
  readonly caches: readonly CacheInspection[];
}

/** The form of snapshots that this package writes and reads. */
export const SNAPSHOT_VERSION = 1;

/** What is inspected. */
export interface InspectionSubject {
  readonly name: string;
  readonly governor: InspectedGovernor | undefined;
  readonly caches: readonly (readonly [name: string, cache: InspectedCache])[];
}

/** Looks at everything: O(executions that run + tools + caches). */
export function takeSnapshot({ name, governor, caches }: InspectionSubject): InspectionSnapshot {
  const nowMs = Date.now();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const uptimeMs = process.uptime() * 1_000;
  const events: Partial<Record<GovernorEventName, number>> = {};
  if (governor !== undefined) {
    for (const event of GOVERNOR_EVENT_NAMES) events[event] = governor.count(event);
  }
  return {
    version: SNAPSHOT_VERSION,
    pid: process.pid,
    name,
    startedMs: Math.round(nowMs - uptimeMs),
    nowMs,
    process: {
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      externalBytes: external,
      cpuMs: (user + system) / 1_000,
      uptimeMs: Math.round(uptimeMs),
    },
    events,
    tools: governor?.tools().map((toolId) => governor.inspect(toolId)) ?? [],
    caches: caches.map(([cacheName, cache]) => inspectCache(cacheName, cache)),
  };
}

function inspectCache(name: string, cache: InspectedCache): CacheInspection {
  try {
    return { name, ...cache.stats() };
  } catch (error) {
    return { name, error: describeError(error) };
  }
}
