import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EnhancedResourceManager } from '../../src/governor/index.ts';
import { knownUse } from '../governor/known-use.ts';

const QUIET = Array.from({ length: 9 }, (_, index) => `quiet-${index}`);
const CALLS = 300;
const ROUNDS = 3;

describe('nine tools at normal, and one at emergency', () => {
  let governor: EnhancedResourceManager;
  beforeAll(() => {
    governor = new EnhancedResourceManager({ process: { maxIdle: 16, graceMs: 300 } });
    for (const tool of QUIET) {
      governor.initializeTool(tool, undefined, undefined, { isolation: 'process' });
    }
    const limits = { maxCpuTimeMs: 100 };
    governor.initializeTool('noisy', limits, limits, { isolation: 'process' });
  });
  afterAll(() => governor.close());

  /** Latencies of calls of nine tools that come one after the other, in ms; the 99th percentile. */
  async function p99(): Promise<number> {
    const latencies: number[] = [];
    for (let call = 0; call < CALLS; call++) {
      const begin = performance.now();
      await governor.execute(QUIET[call % QUIET.length]!, knownUse('burn', 8));
      latencies.push(performance.now() - begin);
    }
    latencies.sort((one, other) => one - other);
    return latencies[Math.floor(latencies.length * 0.99)]!;
  }

  /** Calls a tool that never ends by itself, over and over, until it is told to stop. */
  async function noise(signal: AbortSignal): Promise<number> {
    let emergencies = 0;
    while (!signal.aborted) {
      await governor.execute('noisy', knownUse('endless')).catch(() => undefined);
      if (governor.status('noisy') === 'emergency') emergencies++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return emergencies;
  }

  it(
    'have a p99 within 1.2 × of that without the noisy one [FAIR-P99]',
    { timeout: 120_000 },
    async () => {
      await p99();
      let best = Infinity;
      for (let round = 0; round < ROUNDS && best > 1.2; round++) {
        const alone = await p99();
        const stop = new AbortController();
        const noisy = noise(stop.signal);
        const beside = await p99();
        stop.abort();
        expect(await noisy).toBeGreaterThan(0);
        best = Math.min(best, beside / alone);
      }
      expect(best).toBeLessThanOrEqual(1.2);
    },
  );
});
