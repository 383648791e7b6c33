import { defineConfig } from 'vitest/config';

import { requirements } from './__test__/requirements.ts';
import { RequirementsReporter } from './__test__/support/requirements-reporter.ts';

export default defineConfig({
  test: {
    reporters: ['default', new RequirementsReporter({ requirements, suite: 'deep' })],
    include: ['__test__/deep/**/*.test.ts'],
    // Soak and stress measure memory and time: one file at a time.
    fileParallelism: false,
    maxWorkers: 1,
    // Default exports of CommonJS modules as Node itself shows them, not unwrapped.
    deps: { interopDefault: false },
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
