import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { EnhancedResourceManager } from '../../src/governor/index.ts';
import { deferred } from '../support/deferred.ts';
import { eventually, knownUse } from '../governor/known-use.ts';

const MANY = 5_000;
const LOOKS = 50;
let governor: EnhancedResourceManager;
afterEach(() => governor.close());

it('holds this thread up for less than 1 ms with 5,000 descriptors [SAMPLE-UNBLOCKED]', async () => {
  governor = new EnhancedResourceManager();
  const limits = { maxFileHandles: Infinity };
  governor.initializeTool('tool', limits, limits, { isolation: 'process' });
  const held = deferred<void>();
  const stop = new AbortController();
  const running = governor.execute('tool', knownUse('openFiles', 'openSync', MANY, 60_000), {
    signal: stop.signal,
    onProgress: () => held.resolve(),
  });
  await Promise.race([held.promise, running]);
  expect(await eventually(() => governor.usage('tool').fileHandles.ids.length === MANY)).toBe(true);
  const takenMs: number[] = [];
  for (let look = 0; look < LOOKS; look++) {
    await sleep(10);
    const begunMs = performance.now();
    governor.usage('tool');
    takenMs.push(performance.now() - begunMs);
  }
  stop.abort(new Error('enough'));
  await running;
  // Half of all looks: the others may have been held up by somebody else on this machine.
  expect(takenMs.toSorted((one, other) => one - other)[LOOKS / 2]).toBeLessThan(1);
});
