import type { Check, Checks } from './suite-run.ts';

/** Scenarios that must pass, whatever the server without granary does. */
const MUST_PASS = /^(resources-|caching$|sep-2164-)/;

/** Something that is wrong, and where. */
export interface Fault {
  readonly scenario: string;
  readonly check: string;
  readonly message: string;
}

export interface Tally {
  readonly scenarios: number;
  readonly passed: number;
  readonly failed: number;
  /** What the specification says should be, and is not. */
  readonly warned: number;
}

export function tally(checks: Checks): Tally {
  const all = [...checks.values()].flat();
  return {
    scenarios: checks.size,
    passed: all.filter(({ status }) => status === 'SUCCESS').length,
    failed: all.filter(({ status }) => status === 'FAILURE').length,
    warned: all.filter(({ status }) => status === 'WARNING').length,
  };
}

/**
 * What a server does worse than its baseline, check by check, and what fails of what must pass. A
 * check that the baseline passed, and that is no longer made or left out, is a fault as well.
 */
export function faultsOf(checks: Checks, baseline: Checks): Fault[] {
  const faults: Fault[] = [];
  for (const [scenario, made] of checks) {
    const allowed = MUST_PASS.test(scenario) ? [] : (baseline.get(scenario) ?? []);
    const known = new Set(allowed.filter(hasFailed).map(({ id }) => id));
    for (const { id, errorMessage = 'failed' } of made.filter(
      (check) => hasFailed(check) && !known.has(check.id),
    )) {
      faults.push({ scenario, check: id, message: errorMessage });
    }
  }
  for (const [scenario, made] of baseline) {
    const now = new Map((checks.get(scenario) ?? []).map(({ id, status }) => [id, status]));
    for (const { id, status } of made) {
      const other = now.get(id);
      if (status === 'SUCCESS' && (other === undefined || other === 'SKIPPED')) {
        faults.push({ scenario, check: id, message: other ?? 'the check was not made' });
      }
    }
  }
  return faults;
}

function hasFailed({ status }: Check): boolean {
  return status === 'FAILURE' || status === 'WARNING';
}
