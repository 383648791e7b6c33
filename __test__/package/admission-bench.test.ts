import { describe, expect, it } from 'vitest';
import path from 'node:path';

import { answerOf, makeJobs, TOOLS } from '../../bench/admission/jobs.ts';
import type { RunFigures } from '../../bench/admission/run.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

const PROGRAM = path.join(ROOT, '.setup/programs/bench/admission/run.js');

describe('bench:admission', () => {
  it('makes the same jobs of the same seed, of every tool, with an answer that depends on all [ADMIT-BENCH]', () => {
    const jobs = makeJobs(80, 1);
    expect(makeJobs(80, 1)).toEqual(jobs);
    expect(makeJobs(80, 2)).not.toEqual(jobs);
    expect(new Set(jobs.map(({ tool }) => tool))).toEqual(new Set(TOOLS));
    for (const { input, answer } of jobs.slice(0, 10)) {
      expect(answer).toBe(answerOf(input));
      const changed = Uint8Array.from(input);
      changed[changed.length - 1]! ^= 1;
      expect(answerOf(changed)).not.toBe(answer);
    }
  });

  it.each(['cap-2', 'granary'])(
    'has %s do all jobs, with the right answers [ADMIT-BENCH]',
    async (contender) => {
      const task = { contender, kind: 'worker', warmUpJobs: 2, jobs: 6, seed: 1 };
      const end = await runProgram(process.execPath, [PROGRAM, JSON.stringify(task)]);
      expect(end).toMatchObject({ code: 0 });
      const figures = JSON.parse(end.stdout.trim().split('\n').at(-1) ?? '') as RunFigures;
      expect(figures.waitsMs).toHaveLength(6);
      expect(figures.elapsedMs).toBeGreaterThan(0);
      expect(figures.peakBytes).toBeGreaterThan(30_000_000);
    },
  );

  it('refuses a contender that there is not [ADMIT-BENCH]', async () => {
    const task = { contender: 'cap-0', kind: 'worker', warmUpJobs: 0, jobs: 1, seed: 1 };
    expect(await runProgram(process.execPath, [PROGRAM, JSON.stringify(task)])).toMatchObject({
      code: 1,
    });
  });
});
