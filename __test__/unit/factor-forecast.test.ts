import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/hit-ratio/synthetic/random.ts';
import { AdaptiveResourceManager } from '../../src/governor/index.ts';
import { FactorForecast } from '../../src/governor/patterns/factor-forecast.ts';

const MIB = 1_048_576;

interface Sample {
  readonly sockets: number;
  readonly load: number;
  readonly memoryBytes: number;
}

/** What memory comes from: the sockets of the sample before, the load before, itself, or nothing. */
type Source = 'sockets' | 'load' | 'itself' | 'nothing';

function samplesOf(source: Source, length: number): Sample[] {
  const random = seededRandom(3);
  const samples: Sample[] = [];
  let [sockets, load, memory] = [0, 0.5, 50];
  for (let step = 0; step < length; step++) {
    const [before, loadBefore] = [sockets, load];
    sockets = Math.max(0, Math.round(5 + 4 * Math.sin(step / 9) + 6 * (random() - 0.5)));
    load = 0.5 + 0.5 * Math.sin(step / 13) + 0.3 * (random() - 0.5);
    const noise = random() - 0.5;
    if (source === 'sockets') memory = 20 + 2 * before + noise;
    else if (source === 'load') memory = 20 + 30 * loadBefore + 2 * noise;
    else if (source === 'itself') memory = Math.max(1, memory + 2 * noise);
    else memory = 50 + 10 * noise;
    samples.push({ sockets, load, memoryBytes: memory * MIB });
  }
  return samples;
}

const amounts = ({ sockets, memoryBytes }: Sample) => ({
  memoryBytes,
  cpuTimeMs: 3,
  fileHandles: 0,
  networkConnections: sockets,
});

describe('FactorForecast', () => {
  it.each(['sockets', 'load'] as const)(
    'uses %s where they lower its error [FACTORS-USED]',
    (source) => {
      const forecast = new FactorForecast('memoryBytes');
      for (const sample of samplesOf(source, 600)) forecast.observe(amounts(sample), sample.load);
      const { model, errors } = forecast.expectation()!;
      expect(model).toBe('factors');
      expect(errors.factors).toBeLessThan(0.5 * Math.min(errors.last, errors.own));
    },
  );

  it.each(['itself', 'nothing'] as const)(
    'does not where memory comes from %s [FACTORS-NOT-USED]',
    (source) => {
      const forecast = new FactorForecast('memoryBytes');
      for (const sample of samplesOf(source, 600)) {
        forecast.observe(amounts(sample), sample.load);
        expect(forecast.model).not.toBe('factors');
      }
    },
  );

  it.each(['sockets', 'load', 'itself', 'nothing'] as const)(
    'has nineteen of twenty samples below its bound: %s [FACTORS-BOUND]',
    (source) => {
      const forecast = new FactorForecast('memoryBytes');
      let [above, looked] = [0, 0];
      samplesOf(source, 2_000).forEach((sample, step) => {
        const upper = forecast.expectation()?.upper ?? 0;
        if (step >= 200) {
          looked++;
          if (sample.memoryBytes > upper) above++;
        }
        forecast.observe(amounts(sample), sample.load);
      });
      expect(above / looked).toBeGreaterThan(0.03);
      expect(above / looked).toBeLessThan(0.07);
    },
  );

  it('survives what never moves, and what is huge', () => {
    const forecast = new FactorForecast('memoryBytes');
    for (let step = 0; step < 5_000; step++) {
      const memoryBytes = step < 4_000 ? 0 : 1e15;
      const still = { memoryBytes, cpuTimeMs: 0, fileHandles: 0, networkConnections: 0 };
      forecast.observe(still, 0);
      expect(forecast.expectation()?.upper).toBeGreaterThanOrEqual(0);
    }
    expect(forecast.expectation()?.expected).toBe(1e15);
  });
});

it('a limit is raised ahead of memory that follows sockets [FACTORS-USED]', () => {
  let nowMs = 1_700_000_000_000;
  let load = 0;
  const manager = new AdaptiveResourceManager({
    clock: { now: () => nowMs },
    load: () => 1,
    processLoad: () => load,
  });
  manager.initializeTool('tool', { maxMemoryBytes: 40 * MIB }, { maxMemoryBytes: 400 * MIB });
  for (const sample of samplesOf('sockets', 400)) {
    manager.observe('tool', amounts(sample));
    ({ load } = sample);
    nowMs += 1_000;
  }
  // Many connections at once, and their memory has still to come.
  const adjustments = manager.observe('tool', {
    memoryBytes: 30 * MIB,
    networkConnections: 40,
    cpuTimeMs: 3,
    fileHandles: 0,
  });
  const raised = adjustments.find(({ limit }) => limit === 'maxMemoryBytes');
  expect(raised).toMatchObject({ cause: 'factors' });
  expect(raised?.reason).toMatch(/with what else it uses and the load of the process, up to \d+/);
  expect(manager.pattern('tool').memoryBytes.next).toMatchObject({ model: 'factors' });
});
