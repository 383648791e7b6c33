import { badOption, checkOptions } from '../options.ts';
import type { Amount, Confidence, HandleSet, ResourceUsage } from './resource-usage.ts';

/** What a tool can run out of, by the name that its use has. */
export const RESOURCES = [
  'memoryBytes',
  'cpuTimeMs',
  'fileHandles',
  'networkConnections',
] as const satisfies readonly (keyof ResourceUsage)[];

/** A field of `ResourceUsage`. */
export type Resource = (typeof RESOURCES)[number];

/** How much a tool may use. */
export interface ResourceLimits {
  /** Of all executions of the tool that run at the same time, in bytes. */
  readonly maxMemoryBytes: number;
  /** Of one execution, in ms. */
  readonly maxCpuTimeMs: number;
  /** Of all executions at the same time; network sockets are not among them. */
  readonly maxFileHandles: number;
  /** Of all executions at the same time. */
  readonly maxNetworkConnections: number;
}

/** Which limit is that of a resource. */
export const LIMIT_OF = {
  memoryBytes: 'maxMemoryBytes',
  cpuTimeMs: 'maxCpuTimeMs',
  fileHandles: 'maxFileHandles',
  networkConnections: 'maxNetworkConnections',
} as const satisfies Record<Resource, keyof ResourceLimits>;

const MIB = 1_048_576;

/** What a tool may use where nothing else was said. */
export const DEFAULT_BASE_LIMITS: ResourceLimits = {
  maxMemoryBytes: 100 * MIB,
  maxCpuTimeMs: 30_000,
  maxFileHandles: 50,
  maxNetworkConnections: 10,
};

/** How far the limits of a tool may be raised where nothing else was said. */
export const DEFAULT_MAX_LIMITS: ResourceLimits = {
  maxMemoryBytes: 500 * MIB,
  maxCpuTimeMs: 120_000,
  maxFileHandles: 200,
  maxNetworkConnections: 50,
};

/** No limits. */
export const UNLIMITED: ResourceLimits = {
  maxMemoryBytes: Infinity,
  maxCpuTimeMs: Infinity,
  maxFileHandles: Infinity,
  maxNetworkConnections: Infinity,
};

const LIMITS = Object.values(LIMIT_OF);

/**
 * @returns base and maximum, what was not given filled in: a maximum is at least the base
 * @throws `ERR_GRANARY_BAD_OPTION`
 */
export function checkLimits(
  base: Partial<ResourceLimits> | undefined,
  max: Partial<ResourceLimits> | undefined,
): { base: ResourceLimits; max: ResourceLimits } {
  const checkedBase = readLimits('baseLimits', base, DEFAULT_BASE_LIMITS);
  const checkedMax = readLimits('maxLimits', max, DEFAULT_MAX_LIMITS);
  const raised = { ...checkedMax };
  for (const limit of LIMITS) {
    if (checkedMax[limit] >= checkedBase[limit]) continue;
    // Who names a base alone means it.
    if (max?.[limit] === undefined) raised[limit] = checkedBase[limit];
    else if (base?.[limit] === undefined) checkedBase[limit] = checkedMax[limit];
    else {
      const allowed = `a number from baseLimits.${limit} (${checkedBase[limit]})`;
      badOption(`maxLimits.${limit}`, checkedMax[limit], allowed);
    }
  }
  return { base: checkedBase, max: raised };
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

function readLimits(
  option: string,
  given: Partial<ResourceLimits> | undefined,
  defaults: ResourceLimits,
): Writable<ResourceLimits> {
  const limits = { ...defaults };
  for (const [name, value] of Object.entries(checkOptions(option, given))) {
    const limit = LIMITS.find((one) => one === name);
    if (limit === undefined) badOption(option, name, `an object of ${LIMITS.join(', ')}`);
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value > 0)) {
      badOption(`${option}.${name}`, value, 'a number above 0; Infinity is no limit');
    }
    limits[limit] = value;
  }
  return limits;
}

/** @returns how much of a resource is used. */
export function amountOf(usage: ResourceUsage, resource: Resource): Amount {
  const used: Amount | HandleSet = usage[resource];
  return 'ids' in used ? { value: used.ids.length, confidence: used.confidence } : used;
}

const SURENESS = { estimate: 0, thread: 1, exact: 2 } as const satisfies Record<Confidence, number>;

/** @returns the less sure of two. */
export function lesserConfidence(one: Confidence, other: Confidence): Confidence {
  return SURENESS[one] <= SURENESS[other] ? one : other;
}

const UNITS = {
  memoryBytes: (value: number) => `${(value / MIB).toFixed(1)} MiB of memory`,
  cpuTimeMs: (value: number) => `${(value / 1_000).toFixed(2)} s of CPU time`,
  fileHandles: (value: number) => `${value} file handles`,
  networkConnections: (value: number) => `${value} network connections`,
} as const satisfies Record<Resource, (value: number) => string>;

/** @returns an amount in words, such as `12.0 MiB of memory`. */
export function describeAmount(resource: Resource, value: number): string {
  return UNITS[resource](value);
}

const SHORT = {
  memoryBytes: (value: number) => `${(value / MIB).toFixed(1)} MiB`,
  cpuTimeMs: (value: number) => `${(value / 1_000).toFixed(2)} s`,
  fileHandles: (value: number) => String(Number(value.toFixed(1))),
  networkConnections: (value: number) => String(Number(value.toFixed(1))),
} as const satisfies Record<Resource, (value: number) => string>;

/** @returns an amount with its unit alone, such as `12.0 MiB`. */
export function shortAmount(resource: Resource, value: number): string {
  return SHORT[resource](value);
}
