import { describe, expect, it } from 'vitest';

import { requirements } from '../requirements.ts';
import { citationsOf, isRequirementId } from '../support/citations.ts';
import { runProgram } from '../support/run-program.ts';

const PROJECT = '__test__/package/gate-fixture';

function runFixtures(names: string[], filters: string[] = []) {
  return runProgram(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...filters, '--root', PROJECT],
    { GATE_FIXTURE: names.map((name) => `${name}.fixture.ts`).join(',') },
  );
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}

describe('gate of the requirements', () => {
  it('passes a whole run that cites every id of its suite, and ends with the counts', async () => {
    const run = await runFixtures(['one', 'two']);
    expect(lastLine(run.stdout)).toBe('2 passed, 0 failed');
    expect(run.code).toBe(0);
  });

  it('fails a whole run that leaves an id uncited [GATE-MISSING]', async () => {
    const run = await runFixtures(['one']);
    expect(run.stdout).toContain('no passed test cites FIXTURE-TWO');
    expect(run.stdout).not.toContain('FIXTURE-DEEP');
    expect(lastLine(run.stdout)).toBe('1 passed, 1 failed');
    expect(run.code).toBe(1);
  });

  it('counts a test that failed as no proof [GATE-MISSING]', async () => {
    const run = await runFixtures(['one', 'two-failing']);
    expect(run.stdout).toContain('no passed test cites FIXTURE-TWO');
    expect(lastLine(run.stdout)).toBe('1 passed, 2 failed');
    expect(run.code).toBe(1);
  });

  it('fails a whole run in which a title cites an unknown id [GATE-UNKNOWN]', async () => {
    const run = await runFixtures(['one', 'two', 'unknown']);
    expect(run.stdout).toContain('unknown id FIXTURE-THREE');
    expect(lastLine(run.stdout)).toBe('3 passed, 1 failed');
    expect(run.code).toBe(1);
  });

  it('counts a file that cannot be collected as failed', async () => {
    const run = await runFixtures(['one', 'two', 'broken']);
    expect(lastLine(run.stdout)).toBe('2 passed, 1 failed');
    expect(run.code).toBe(1);
  });

  it.each([
    ['a file', ['one.fixture.ts']],
    ['a title', ['-t', 'proves the first']],
  ])('leaves a run of %s alone', async (_, filters) => {
    const run = await runFixtures(['one', 'two'], filters);
    expect(run.stdout).not.toContain('no passed test cites');
    expect(run.code).toBe(0);
  });
});

describe('citations', () => {
  it.each([
    ['one [CACHE-TTL]', ['CACHE-TTL']],
    ['two [CACHE-TTL] [HAZARD-5-NEVER]', ['CACHE-TTL', 'HAZARD-5-NEVER']],
    ['two in one [CACHE-TTL, HAZARD-5]', ['CACHE-TTL', 'HAZARD-5']],
    ['prose [as it is], [1, 2], [] and [object Object]', []],
  ])('reads %j', (title, ids) => {
    expect(citationsOf(title)).toEqual(ids);
  });

  it('is possible for every id of the manifest, each of which is unique [GATE-MANIFEST]', () => {
    const ids = requirements.map(({ id }) => id);
    expect(ids.filter((id) => !isRequirementId(id))).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(requirements.filter(({ text }) => text.length < 10)).toEqual([]);
  });
});
