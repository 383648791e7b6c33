import { beforeAll, describe, expect, it } from 'vitest';

import { nodeBinary } from '../../conformance/node-binary.ts';
import { builtUrl, runModule } from '../support/child-module.ts';

const OWN_MAJOR = process.versions.node.split('.')[0]!;

/** Spins on the clock word in an optimised function, as a loop of hits does. */
const SPIN = `
  import { HeapClock } from '${builtUrl('native/heap-clock.js')}';

  const core = new HeapClock();
  const { words } = core;
  const USED_AT = 16;

  /** Reads of the word until it changes, or -1 where it does not within very many. */
  function spin(from) {
    for (let reads = 1; reads < 2e9; reads++) {
      if (words[0] !== from) return reads;
    }
    return -1;
  }

  core.wake();
  let changes = 0;
  let unchanged = 0;
  let mostReads = 0;
  const end = performance.now() + 1_000;
  while (performance.now() < end) {
    const reads = spin(words[0]);
    words[USED_AT] = words[0];
    if (reads < 0) { unchanged++; break; }
    mostReads = Math.max(mostReads, reads);
    changes++;
  }
  core.close();
  console.log(JSON.stringify({ changes, unchanged, mostReads, version: process.version }));
`;

interface Spun {
  readonly changes: number;
  readonly unchanged: number;
  readonly mostReads: number;
  readonly version: string;
}

describe.each([OWN_MAJOR, '22', '24'])('the clock word on Node %s', (major) => {
  let node = process.execPath;

  beforeAll(async () => {
    if (major !== OWN_MAJOR) node = await nodeBinary(major);
  });

  it('is read anew in each turn of an optimised loop [DEEP-HOIST]', async () => {
    const { changes, unchanged, mostReads, version } = await runModule<Spun>(SPIN, [], node);
    expect(version.startsWith(`v${major}.`), version).toBe(true);
    expect(unchanged).toBe(0);
    expect(changes).toBeGreaterThan(200);
    // Hot enough to have been optimised while it ran.
    expect(mostReads).toBeGreaterThan(10_000);
  });
});
