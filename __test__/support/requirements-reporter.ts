import type { Reporter, SerializedError, TestModule, TestRunEndReason, Vitest } from 'vitest/node';

import type { Requirement, RequirementSuite } from '../requirements.ts';
import { gateFindings } from './citations.ts';

/**
 * Fails a whole run that leaves a requirement of its suite uncited by passed tests, or cites an
 * unknown one; then prints the counts alone on the last line. A run of chosen files or tests is
 * counted but not gated.
 */
export class RequirementsReporter implements Reporter {
  readonly #requirements: readonly Requirement[];
  readonly #suite: RequirementSuite;
  #vitest: Vitest | undefined;

  constructor(options: { requirements: readonly Requirement[]; suite: RequirementSuite }) {
    this.#requirements = options.requirements;
    this.#suite = options.suite;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        title: test.fullName,
        state: test.result().state,
      })),
    );
    const count = (state: string) => tests.filter((test) => test.state === state).length;
    const findings = (await this.#isWholeRun(modules, reason))
      ? gateFindings(
          {
            titles: tests.map((test) => test.title),
            passedTitles: tests.filter((test) => test.state === 'passed').map((test) => test.title),
          },
          this.#requirements,
          this.#suite,
        )
      : [];
    if (findings.length > 0) {
      process.exitCode = 1;
      process.stdout.write(`\nRequirements of suite ${this.#suite}:\n  ${findings.join('\n  ')}\n`);
    }
    // A file that cannot be collected has errors of its own, and no failed test that shows it.
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    const failed = count('failed') + brokenFiles + errors.length + findings.length;
    const skipped = count('skipped') + count('pending');
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${tail}\n`);
  }

  async #isWholeRun(modules: readonly TestModule[], reason: TestRunEndReason): Promise<boolean> {
    const vitest = this.#vitest;
    if (vitest === undefined || reason === 'interrupted') return false;
    const { testNamePattern, tagsFilter, project } = vitest.config;
    if (testNamePattern !== undefined || tagsFilter !== undefined || project.length > 0)
      return false;
    return modules.length === (await vitest.globTestSpecifications()).length;
  }
}
