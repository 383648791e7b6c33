import { defineConfig } from 'vitest/config';

import { requirements } from './__test__/requirements.ts';
import { RequirementsReporter } from './__test__/support/requirements-reporter.ts';

export default defineConfig({
  test: {
    reporters: ['default', new RequirementsReporter({ requirements, suite: 'test' })],
    maxWorkers: 2,
    // Default exports of CommonJS modules as Node itself shows them, not unwrapped.
    deps: { interopDefault: false },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['__test__/**/*.test.ts'],
          exclude: ['__test__/{deadlines,deep}/**'],
        },
      },
      {
        extends: true,
        test: {
          // These measure real time and real CPU: alone, one after the other, when all else is done.
          name: 'deadlines',
          include: ['__test__/deadlines/**/*.test.ts'],
          // The best of three: other work on the machine may come in between.
          retry: 2,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
