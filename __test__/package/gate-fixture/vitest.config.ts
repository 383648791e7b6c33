import { defineConfig } from 'vitest/config';

import { RequirementsReporter } from '../../support/requirements-reporter.ts';

const requirement = { text: 'a statement', source: 'seed' } as const;

/** A little project under the gate: two requirements, and the files that GATE_FIXTURE names. */
export default defineConfig({
  test: {
    include: (process.env['GATE_FIXTURE'] ?? '').split(','),
    reporters: [
      new RequirementsReporter({
        suite: 'test',
        requirements: [
          { ...requirement, id: 'FIXTURE-ONE', suite: 'test' },
          { ...requirement, id: 'FIXTURE-TWO', suite: 'test' },
          { ...requirement, id: 'FIXTURE-DEEP', suite: 'deep' },
        ],
      }),
    ],
  },
});
