import { describe, expect, it } from 'vitest';
import { AdaptiveResourceManager } from '../../src/governor/index.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SAMPLES = 4_000;
const MIB = 1_048_576;

describe('what it costs to learn from a sample', () => {
  it('is at most 50 µs a resource, analysis on its other thread included [PATTERN-COST]', async () => {
    const costs: number[] = [];
    for (let round = 0; round < 3; round++) {
      const clock = new ManualClock(1_700_000_000_000);
      const manager = new AdaptiveResourceManager({ clock, load: () => 0 });
      manager.initializeTool('tool', { maxMemoryBytes: 100 * MIB }, { maxMemoryBytes: 500 * MIB });
      const begin = performance.now();
      for (let step = 0; step < SAMPLES; step++) {
        manager.observe('tool', {
          memoryBytes: MIB * (90 + 60 * Math.sin(step / 50) + (step % 7)),
          cpuTimeMs: step % 90,
          fileHandles: 3 + (step % 5),
          networkConnections: step % 11,
        });
        clock.advance(1_000);
        // As often as there is news.
        if (step % 16 === 15) await manager.analyse();
      }
      costs.push(((performance.now() - begin) / (4 * SAMPLES)) * 1_000);
      expect(manager.pattern('tool').memoryBytes.lastUpdate).toBeGreaterThan(0);
    }
    expect(Math.min(...costs)).toBeLessThanOrEqual(50);
  });
});
