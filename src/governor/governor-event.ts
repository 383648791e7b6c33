import type { JournalListener } from '../events/journal.ts';
import type { Leak } from './execution.ts';
import type { LimitCause } from './limits/limit-policy.ts';
import type { ResourceStatus } from './limit-ladder.ts';
import type { Resource, ResourceLimits } from './resource-limits.ts';
import type { Confidence } from './resource-usage.ts';

/** How much of a limit is used. */
export interface LimitUse {
  readonly toolId: string;
  readonly resource: Resource;
  /** In the unit that the name of the resource gives. */
  readonly used: number;
  readonly limit: number;
  readonly confidence: Confidence;
}

/** What is told, by the name of the event. */
export interface GovernorEventDetails {
  /** One resource of a tool has come nearer to its limit, or further from it. */
  readonly status: LimitUse & { readonly from: ResourceStatus; readonly to: ResourceStatus };
  /** A limit has been raised or lowered. */
  readonly 'limits-adjusted': {
    readonly toolId: string;
    readonly limit: keyof ResourceLimits;
    readonly from: number;
    readonly to: number;
    /** `asked`: the `raise` option has granted it. */
    readonly cause: LimitCause | 'asked';
    /** In words and numbers. */
    readonly reason: string;
  };
  /** An execution has to wait until the tool uses less. */
  readonly throttled: {
    readonly toolId: string;
    readonly reason: string;
    /** How many wait now. */
    readonly waiting: number;
  };
  /** An execution was not begun. */
  readonly refused: {
    readonly toolId: string;
    readonly reason: string;
    readonly retryAfterMs: number;
  };
  /** An execution over its limit was asked to end, or is ended. */
  readonly 'execution-ended': LimitUse & {
    readonly executionId: number;
    /** `asked`: its signal has aborted, and it has its grace; `forced`: its thread or process is ended. */
    readonly how: 'asked' | 'forced';
  };
  /** An execution has left something open. */
  readonly leaked: {
    readonly toolId: string;
    readonly executionId: number;
    readonly leaks: readonly Leak[];
  };
  /** Not all that an execution has left open could be closed. */
  readonly 'cleanup-failed': {
    readonly toolId: string;
    readonly executionId: number;
    readonly remaining: readonly Leak[];
  };
  /** Memory of the whole process is short, or is so no longer: a step was taken, or taken back. */
  readonly degraded: {
    readonly direction: 'worse' | 'better';
    /** What was done, in words and numbers. */
    readonly step: string;
    /** What memory was like, in words and numbers. */
    readonly reason: string;
  };
  /** Something that a limit depends on cannot be had here. */
  readonly unavailable: { readonly what: string; readonly reason: string };
}

/** As an index signature, which an interface has not. */
export type GovernorDetails = {
  readonly [Name in keyof GovernorEventDetails]: GovernorEventDetails[Name];
};

/** The name of an event of a governor. */
export type GovernorEventName = keyof GovernorEventDetails;

/** A listener of a governor's event; what it throws becomes one process warning. */
export type GovernorListener<Name extends GovernorEventName> = JournalListener<
  GovernorDetails,
  Name
>;

/** Every event of a governor. */
export const GOVERNOR_EVENT_NAMES = [
  'status',
  'limits-adjusted',
  'throttled',
  'refused',
  'execution-ended',
  'leaked',
  'cleanup-failed',
  'degraded',
  'unavailable',
] as const satisfies readonly GovernorEventName[];
