import { afterEach, beforeEach, expect } from 'vitest';

/** Warnings whose type this package owns, emitted since the test began. */
export interface ProcessSignals {
  /** What `process.emitWarning` was given; waits for those on their way. */
  warnings(): Promise<readonly Error[]>;
}

/** Lets promise reactions and `nextTick` callbacks run to their end. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Fails every test of the surrounding `describe` that leaves an unhandled rejection behind, and
 * collects process warnings.
 */
export function watchProcess(): ProcessSignals {
  let rejections: unknown[] = [];
  let warnings: Error[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  const onWarning = (warning: Error): void => void warnings.push(warning);
  let others: readonly NodeJS.UnhandledRejectionListener[] = [];

  beforeEach(() => {
    rejections = [];
    warnings = [];
    // The test runner listens too and would fail the whole run instead of this test.
    others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', onRejection);
    process.on('warning', onWarning);
  });

  afterEach(async () => {
    await settled();
    await settled();
    process.off('unhandledRejection', onRejection);
    process.off('warning', onWarning);
    for (const listener of others) process.on('unhandledRejection', listener);
    expect(rejections, 'unhandled rejections').toEqual([]);
  });

  return {
    async warnings() {
      await settled();
      return warnings.filter((warning) => warning.name.startsWith('Granary'));
    },
  };
}
