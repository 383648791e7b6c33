import { afterEach, expect, it } from 'vitest';
import { EnhancedResourceManager } from '../../src/governor/index.ts';
import { knownUse } from '../governor/known-use.ts';

const MIB = 1_048_576;
let governor: EnhancedResourceManager;
afterEach(() => governor.close());

it.each(['worker', 'process'] as const)(
  'asks a %s to end within 250 ms of crossing its limit [LIMITS-DEADLINE]',
  async (isolation) => {
    governor = new EnhancedResourceManager();
    const limits = { maxMemoryBytes: 64 * MIB };
    governor.initializeTool('tool', limits, limits, { isolation });
    await governor.execute('tool', knownUse('echo', 1));
    let crossedAtMs = 0;
    let askedAtMs = 0;
    governor.once('execution-ended', () => {
      askedAtMs = performance.now();
    });
    const outcome = governor.execute('tool', knownUse('growBuffers', 4, 10, true), {
      onProgress: (count) => {
        // Each tells of its buffers as they come: the seventeenth is the first beyond the limit.
        if (count === 17) crossedAtMs = performance.now();
      },
    });
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_GRANARY_LIMIT_EXCEEDED' });
    expect(crossedAtMs).toBeGreaterThan(0);
    expect(askedAtMs - crossedAtMs).toBeLessThan(250);
  },
);

it('has ended an endless loop 250 ms after it has crossed its CPU limit, and its grace [LIMITS-DEADLINE]', async () => {
  governor = new EnhancedResourceManager({ process: { graceMs: 50 } });
  const limits = { maxCpuTimeMs: 200 };
  governor.initializeTool('tool', limits, limits, { isolation: 'process' });
  await governor.execute('tool', knownUse('echo', 1));
  let askedCpuMs = Infinity;
  governor.once('execution-ended', ({ used }) => {
    askedCpuMs = used;
  });
  const loop = governor.execute('tool', knownUse('endless'));
  await expect(loop).rejects.toMatchObject({ code: 'ERR_GRANARY_LIMIT_EXCEEDED' });
  // The loop has a core for itself: its CPU time is the time since its limit.
  expect(askedCpuMs - 200).toBeLessThan(250);
});
