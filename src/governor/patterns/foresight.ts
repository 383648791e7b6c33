import type { Foreseen } from '../limits/limit-policy.ts';
import { type Resource, shortAmount } from '../resource-limits.ts';
import type { FactorExpectation } from './factor-forecast.ts';
import { describeSpan, type ResourcePattern } from './usage-pattern.ts';

/** How far growth is followed ahead, and to which share of the limit it may come. */
const GROWTH_AHEAD_MS = 600_000;
const WARNED_SHARE = 0.95;
/** How far a season is looked ahead, as a share of its period, and to which share of the limit it may come. */
const SEASON_AHEAD = 0.08;
const SEASON_SHARE = 0.8;

/** What is known of one resource. */
export interface Known {
  readonly resource: Resource;
  readonly limit: number;
  /** What was used last. */
  readonly latest: number;
  readonly whole: ResourcePattern;
  readonly recent: ResourcePattern | undefined;
  /** Of the next sample. */
  readonly next: FactorExpectation | undefined;
  readonly nowMs: number;
}

/** @returns what use is known to come to, where the limit is too low for that */
export function foresee(known: Known): Foreseen | undefined {
  return [growth(known), season(known), factors(known)]
    .filter((one) => one !== undefined)
    .reduce<Foreseen | undefined>(
      (most, one) => (most === undefined || one.needed > most.needed ? one : most),
      undefined,
    );
}

/** What other resources and the load foretell, where they have proven to do so. */
function factors({ resource, limit, next }: Known): Foreseen | undefined {
  if (next?.model !== 'factors') return undefined;
  const { upper, errors } = next;
  const needed = upper / WARNED_SHARE;
  if (!(needed > limit)) return undefined;
  const amount = (value: number): string => shortAmount(resource, value);
  const without = Math.min(errors.last, errors.own);
  const reason = `with what else it uses and the load of the process, up to ${amount(upper)} is expected next (error ${amount(errors.factors)}, without ${amount(without)})`;
  return { needed, cause: 'factors', reason };
}

/** Growth of the last minutes, else of the whole past, whichever is surer of its slope. */
function growth({ resource, limit, latest, whole, recent, nowMs }: Known): Foreseen | undefined {
  const pattern = [recent, whole].find((one) => one?.kind === 'growth');
  if (pattern === undefined || nowMs - pattern.lastUpdate > GROWTH_AHEAD_MS) return undefined;
  const perMs = pattern.trend / 1_000;
  const needed = (latest + perMs * GROWTH_AHEAD_MS) / WARNED_SHARE;
  if (!(needed > limit)) return undefined;
  const leftMs = (WARNED_SHARE * limit - latest) / perMs;
  const when = leftMs > 0 ? `in ${describeSpan(leftMs)}` : 'now';
  const reason = `growth ${shortAmount(resource, perMs * 60_000)}/min reaches 95 % ${when}`;
  return { needed, cause: 'growth', reason };
}

function season({ resource, limit, whole, nowMs }: Known): Foreseen | undefined {
  const { seasonality, periodMs, seasonStartMs } = whole;
  if (seasonality === undefined || periodMs === undefined || seasonStartMs === undefined) {
    return undefined;
  }
  const steps = seasonality.length;
  const stepMs = periodMs / steps;
  const ahead = Math.max(1, Math.ceil(SEASON_AHEAD * steps));
  const now = Math.floor((nowMs - seasonStartMs) / stepMs);
  let highest = -Infinity;
  let inSteps = 0;
  for (let step = 0; step <= ahead; step++) {
    const value = seasonality[(((now + step) % steps) + steps) % steps] ?? 0;
    if (value > highest) [highest, inSteps] = [value, step];
  }
  // The profile is of what was left when the trend was taken away; the mean goes with it.
  const expected = whole.averageUsage + highest;
  const needed = expected / SEASON_SHARE;
  if (!(needed > limit)) return undefined;
  const reason = `a season of ${describeSpan(periodMs)} knows ${shortAmount(resource, expected)} in ${describeSpan(inSteps * stepMs)}`;
  return { needed, cause: 'season', reason };
}
