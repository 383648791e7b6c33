import { requirements } from '../requirements.ts';
import { runProgram } from './run-program.ts';

export interface CrateTest {
  /** Path of the test, as `clock::model::req_deep_clock::readings_never_go_back`. */
  readonly name: string;
  readonly outcome: string;
  /** Ids cited by modules: `req_hazard_8` cites HAZARD-8. */
  readonly ids: readonly string[];
}

/**
 * Runs `cargo test` to the end of all tests, also after one has failed.
 *
 * @returns the tests that ran, and the whole output, which says why one failed
 */
export async function runCrateTests(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ tests: CrateTest[]; code: number | null; output: string }> {
  const run = await runProgram('cargo', ['test', '--no-fail-fast', ...args], {
    CARGO_TERM_COLOR: 'never',
    ...env,
  });
  const lines = run.stdout.matchAll(/^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)/gm);
  const tests = [...lines].map(([, name = '', outcome = '']) => ({
    name,
    outcome,
    ids: [...name.matchAll(/\breq_(\w+)/g)].map(([, module = '']) => idOf(module)),
  }));
  return { tests, code: run.code, output: `${run.stdout}\n${run.stderr}` };
}

/** An unknown module keeps a form that the gate refuses by name. */
function idOf(module: string): string {
  const id = module.toUpperCase().replaceAll('_', '-');
  return requirements.find((requirement) => requirement.id === id)?.id ?? `UNKNOWN-${id}`;
}
