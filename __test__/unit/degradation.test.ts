import { describe, expect, it } from 'vitest';
import { ResourceCache } from '../../src/index.ts';
import { Degradation, DEGRADATION_MEASURES } from '../../src/governor/degradation.ts';
import type { MemoryPressure } from '../../src/governor/memory-pressure.ts';

const MIB = 1_048_576;
const settings = {
  enter: 0.9,
  leave: 0.8,
  sustainMs: 1_000,
  recoverMs: 5_000,
  stalledEnter: 0.6,
  stalledSustainMs: 30_000,
  order: DEGRADATION_MEASURES,
  shrinkTo: 0.5,
  shrinkFloor: 0.1,
};

function degraded(over: Partial<typeof settings> = {}) {
  let pressure: MemoryPressure = { share: 0, stalledShare: undefined, reason: 'test' };
  const cache = new ResourceCache<Buffer>({ maxBytes: 16 * MIB, maxEntries: 10_000 });
  for (let i = 0; i < 12; i++) cache.set(`test://${i}`, Buffer.alloc(MIB));
  const steps: string[] = [];
  const degradation = new Degradation({ ...settings, ...over }, () => pressure, {
    caches: [cache],
    priorities: () => [0, 5, 0, -1],
    changed: (direction, step) => steps.push(`${direction}: ${step}`),
  });
  let nowMs = 0;
  const pass = (ms: number, given: Partial<MemoryPressure>) => {
    pressure = { ...pressure, ...given };
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 100) degradation.look(nowMs);
  };
  return { cache, degradation, pass, steps };
}

describe('Degradation', () => {
  it('shrinks caches first, then lets tools wait, then refuses them, the lowest priority first [PRESSURE-ORDER]', () => {
    const { cache, degradation, pass, steps } = degraded();
    pass(1_000, { share: 0.95 });
    expect(steps).toEqual([]);
    pass(200, { share: 0.95 });
    expect(steps).toHaveLength(1);
    expect(cache.weightBytes).toBeLessThan(7 * MIB);
    pass(10_000, { share: 0.95 });
    expect(steps.map((step) => step.replace(/[\d.]+ MiB/, 'some'))).toEqual([
      'worse: caches give up some',
      'worse: caches give up some',
      'worse: caches give up some',
      'worse: tools of priority -1 and below wait',
      'worse: tools of priority 0 and below wait',
      'worse: tools of priority 5 and below wait',
      'worse: tools of priority -1 and below are refused',
      'worse: tools of priority 0 and below are refused',
      'worse: tools of priority 5 and below are refused',
    ]);
    expect(cache.stats().maxMemoryBytes).toBe(Math.ceil(1.6 * MIB));
    expect([degradation.throttles(5), degradation.refuses(5)]).toEqual([true, true]);
    expect([degradation.throttles(6), degradation.refuses(6)]).toEqual([false, false]);
  });

  it('takes back the last step first, each after a while of ease [PRESSURE-ORDER]', () => {
    const { cache, degradation, pass, steps } = degraded();
    pass(5_000, { share: 0.95 });
    expect(degradation.level).toBe(4);
    steps.length = 0;
    pass(60_000, { share: 0.85 });
    expect(steps).toEqual([]);
    pass(5_100, { share: 0.5 });
    expect(steps).toEqual(['better: no longer: tools of priority -1 and below wait']);
    pass(20_000, { share: 0.5 });
    expect(degradation.level).toBe(0);
    expect(cache.stats().maxMemoryBytes).toBe(16 * MIB);
  });

  it('does nothing about what does not last [PRESSURE-DURATION]', () => {
    const { pass, steps } = degraded();
    for (let i = 0; i < 50; i++) {
      pass(900, { share: 0.95 });
      pass(100, { share: 0.85 });
    }
    expect(steps).toEqual([]);
  });

  it('acts on tasks that wait for memory, after longer [PRESSURE-DURATION]', () => {
    const { pass, steps } = degraded();
    pass(30_000, { share: 0.1, stalledShare: 0.7 });
    expect(steps).toEqual([]);
    pass(200, { share: 0.1, stalledShare: 0.7 });
    expect(steps).toHaveLength(1);
  });

  it('does only what it is told to, in the order told [PRESSURE-ORDER]', () => {
    const { cache, pass, steps } = degraded({ order: ['refuse-tools', 'shrink-cache'] as never });
    pass(1_200, { share: 0.95 });
    expect(steps).toEqual(['worse: tools of priority -1 and below are refused']);
    pass(2_000, { share: 0.95 });
    expect(cache.weightBytes).toBeGreaterThan(11 * MIB);
    pass(10_000, { share: 0.95 });
    expect(steps.some((step) => step.includes('wait'))).toBe(false);
    expect(cache.weightBytes).toBeLessThan(2 * MIB);
  });

  it('takes all back at its end [PRESSURE-ORDER]', () => {
    const { cache, degradation, pass } = degraded();
    pass(10_000, { share: 0.95 });
    degradation.close();
    expect(degradation.throttles(-1)).toBe(false);
    expect(cache.stats().maxMemoryBytes).toBe(16 * MIB);
  });
});
