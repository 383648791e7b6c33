import type { Requirement, RequirementSuite } from '../requirements.ts';

const ID = /^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+$/;

/** Whether a text has the form of a requirement id: upper-case words joined by hyphens. */
export function isRequirementId(text: string): boolean {
  return ID.test(text);
}

/**
 * The ids that a test title cites: `[CACHE-TTL]`, `[CACHE-TTL] [HAZARD-5]` or
 * `[CACHE-TTL, HAZARD-5]`. Brackets that hold anything else are prose.
 */
export function citationsOf(title: string): string[] {
  const cited: string[] = [];
  for (const [, content = ''] of title.matchAll(/\[([^[\]]*)\]/g)) {
    const words = content.split(/[\s,]+/).filter((word) => word !== '');
    if (words.every(isRequirementId)) cited.push(...words);
  }
  return cited;
}

/** The tests of a run: those that passed prove what they cite, all may cite wrongly. */
export interface CitedRun {
  readonly titles: readonly string[];
  readonly passedTitles: readonly string[];
}

/** What the gate finds wrong with a whole run of `suite`, a line each. */
export function gateFindings(
  run: CitedRun,
  requirements: readonly Requirement[],
  suite: RequirementSuite,
): string[] {
  const known = new Set(requirements.map((requirement) => requirement.id));
  const proven = new Set(run.passedTitles.flatMap(citationsOf));
  const missing = requirements.filter(({ id, suite: where }) => where === suite && !proven.has(id));
  const unknown = run.titles.flatMap((title) =>
    citationsOf(title)
      .filter((id) => !known.has(id))
      .map((id) => `unknown id ${id} in the title: ${title}`),
  );
  return [...missing.map(({ id, text }) => `no passed test cites ${id}: ${text}`), ...unknown];
}
