import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { runProgram } from '../support/run-program.ts';

const CHILD = path.join(import.meta.dirname, 'driver-suite.child.mjs');

/** The last line of japa's reporter. */
interface Summary {
  readonly aggregates: Readonly<Record<string, number>>;
  readonly hasError: boolean;
  readonly failedTestsTitles: readonly unknown[];
}

describe('the driver test suite of BentoCache', () => {
  it.each([
    ['heap', 'l1'],
    ['heap', 'l2'],
    ['native', 'l1'],
    ['native', 'l2'],
  ])('passes over storage %s as %s [BENTO-SUITE]', async (storage, layer) => {
    const { code, stdout, stderr } = await runProgram(process.execPath, [CHILD, storage, layer]);
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    const summary = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Summary;
    expect(summary).toMatchObject({
      aggregates: { total: 21, passed: 21, failed: 0, skipped: 0, todo: 0 },
      hasError: false,
      failedTestsTitles: [],
    });
  });
});
