import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AdaptiveResourceManager,
  type AdaptiveResourceManagerOptions,
  EnhancedResourceManager,
  type LimitAdjustment,
} from '../../src/governor/index.ts';
import { decodeState, encodeState } from '../../src/governor/learned-state.ts';
import { seededRandom } from '../../bench/hit-ratio/synthetic/random.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MIB = 1_048_576;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let clock: ManualClock;
beforeEach(() => (clock = new ManualClock(1_700_000_000_000)));

function adaptive(options: AdaptiveResourceManagerOptions = {}): AdaptiveResourceManager {
  const manager = new AdaptiveResourceManager({ clock, load: () => 0, ...options });
  manager.initializeTool('tool', { maxMemoryBytes: 100 * MIB }, { maxMemoryBytes: 500 * MIB });
  return manager;
}

/** Has a tool use memory by a plan, sample after sample, and analyses every 64 samples. */
async function use(
  manager: AdaptiveResourceManager,
  samples: number,
  stepMs: number,
  memoryBytes: (step: number) => number,
): Promise<LimitAdjustment[]> {
  const adjustments: LimitAdjustment[] = [];
  for (let step = 0; step < samples; step++) {
    adjustments.push(...manager.observe('tool', { memoryBytes: memoryBytes(step) }));
    clock.advance(stepMs);
    if (step % 64 === 63) await manager.analyse();
  }
  return adjustments;
}

describe('AdaptiveResourceManager', () => {
  it('raises a limit at once for what is needed, up to its maximum [ADAPT-RAISE]', () => {
    const manager = adaptive();
    const raised = manager.raise('tool', 'memoryBytes', 98 * MIB)!;
    expect(raised).toMatchObject({ limit: 'maxMemoryBytes', from: 100 * MIB });
    expect(raised.to).toBeGreaterThanOrEqual((98 * MIB) / 0.75);
    expect(raised.reason).toMatch(
      /^memoryBytes of tool tool 100\.0 MiB → 1[34]\d\.\d MiB: what runs/,
    );
    expect(manager.limits('tool').maxMemoryBytes).toBe(raised.to);
    expect(manager.raise('tool', 'memoryBytes', 490 * MIB)?.to).toBe(500 * MIB);
    expect(manager.raise('tool', 'memoryBytes', 499 * MIB)).toBeUndefined();
  });

  it('raises a limit ahead of growth, and says when it would be reached [ADAPT-GROWTH]', async () => {
    const manager = adaptive();
    const perMinute = 2 * MIB;
    const noise = (step: number): number => MIB * Math.sin(step * 12.9898);
    const adjustments = await use(manager, 500, 2 * SECOND, (step) => {
      const used = 60 * MIB + (perMinute * step) / 30 + noise(step);
      // Before use comes near the limit, it is moved: nobody has to ask.
      expect(used).toBeLessThan(0.95 * manager.limits('tool').maxMemoryBytes);
      return used;
    });
    const [first] = adjustments;
    expect(first).toMatchObject({ cause: 'growth', from: 100 * MIB });
    const told = /growth (\d\.\d) MiB\/min reaches 95 % in ([\d.]+) min$/.exec(first!.reason)!;
    expect(Number(told[1])).toBeCloseTo(2, 0);
    const left = (95 * MIB - 60 * MIB) / perMinute;
    expect(Number(told[2])).toBeGreaterThan(1);
    expect(Number(told[2])).toBeLessThan(left);
    expect(manager.pattern('tool').memoryBytes.recent).toMatchObject({ kind: 'growth' });
  });

  it('raises a limit ahead of the peak of a season of two hours [ADAPT-SEASON]', async () => {
    const manager = adaptive();
    const wave = (step: number): number =>
      MIB * (60 + 38 * Math.sin((2 * Math.PI * step) / 120) + Math.sin(step * 7.77));
    const adjustments = await use(manager, 6 * 120, MINUTE, wave);
    const { kind, periodMs, seasonality, evidence } = manager.pattern('tool').memoryBytes;
    expect(kind).toBe('seasonal');
    expect(periodMs! / HOUR).toBeCloseTo(2, 0);
    expect(Math.max(...seasonality!) / MIB).toBeGreaterThan(25);
    expect(evidence).toMatch(/^every (2\.0\d h|2 h|1\d\d min) a swing of 7\d\.\d MiB/);
    const ahead = adjustments.find(({ cause }) => cause === 'season');
    expect(ahead?.reason).toMatch(/a season of .* knows .* MiB in .*/);
    expect(manager.limits('tool').maxMemoryBytes).toBeGreaterThan(99 * MIB);
  });

  it('tells the pattern of each resource, with evidence [PATTERN-PUBLIC]', async () => {
    const manager = adaptive();
    const random = seededRandom(7);
    expect(manager.pattern('tool').cpuTimeMs).toMatchObject({ kind: 'steady', lastUpdate: 0 });
    await use(manager, 256, SECOND, () => MIB * (19.5 + random()));
    const { memoryBytes, fileHandles } = manager.pattern('tool');
    expect(memoryBytes.averageUsage / MIB).toBeCloseTo(20, 0);
    expect(memoryBytes.kind).toBe('steady');
    expect(memoryBytes.samples).toBeGreaterThan(100);
    expect(memoryBytes.lastUpdate).toBeGreaterThan(clock.now() - HOUR);
    expect(memoryBytes.evidence).toMatch(
      /^no growth \(z = -?\d\.\d\), season or burst in \d+ steps/,
    );
    expect(fileHandles.samples).toBe(0);
  });

  it('forecasts what a tool will use, in its own steps of time [ADAPT-FORECAST]', async () => {
    const manager = adaptive();
    expect(await manager.forecast('tool', 'memoryBytes', { horizonMs: HOUR })).toBeUndefined();
    const wave = (step: number): number => MIB * (60 + 38 * Math.sin((2 * Math.PI * step) / 120));
    await use(manager, 6 * 120, MINUTE, wave);
    const found = (await manager.forecast('tool', 'memoryBytes', { horizonMs: 2 * HOUR }))!;
    expect(found.model).not.toBe('naive');
    expect(found.scaledError!).toBeLessThanOrEqual(found.naiveScaledError!);
    expect(found.point.length).toBe(Math.ceil((2 * HOUR) / found.stepMs));
    expect(Math.abs(found.startMs - clock.now())).toBeLessThanOrEqual(2 * found.stepMs);
    found.point.forEach((expected, step) => {
      const atMs = found.startMs + step * found.stepMs;
      const actual = wave(6 * 120 + (atMs - clock.now()) / MINUTE);
      expect(Math.abs(expected - actual)).toBeLessThan(25 * MIB);
    });
    await expect(manager.forecast('tool', 'memoryBytes', { horizonMs: 1 })).rejects.toThrow(
      /horizonMs must be an integer from 1000/,
    );
  });

  it('keeps at most 16 kB of a resource, however long it is used [PATTERN-BOUNDED]', async () => {
    const manager = adaptive();
    for (let step = 0; step < 30_000; step++) {
      const used = (step * 7_919) % 1_000;
      manager.observe('tool', { memoryBytes: used, cpuTimeMs: used, fileHandles: 3 });
      clock.advance(97 * SECOND);
    }
    const policyBytes = 4_096;
    expect(manager.byteLength('tool') / 4 + policyBytes).toBeLessThanOrEqual(16_384);
    expect(encodeState(manager.state()).length).toBeLessThan(4 * 16_384);
  });

  it('analyses half as often each time while the machine is loaded [PATTERN-BACK-OFF]', async () => {
    let load = 1;
    const manager = adaptive({ load: () => load, analysisIntervalMs: 1_000 });
    const asked: number[] = [];
    for (let second = 0; second < 70; second++) {
      manager.observe('tool', { memoryBytes: MIB });
      const before = manager.backOff;
      manager.offerAnalysis();
      if (manager.backOff !== before) asked.push(second);
      clock.advance(SECOND);
    }
    expect(asked).toEqual([0, 2, 6, 14, 30]);
    expect(manager.pattern('tool').memoryBytes.lastUpdate).toBe(0);
    load = 0.2;
    for (let second = 0; second < 100; second++) {
      manager.observe('tool', { memoryBytes: MIB });
      manager.offerAnalysis();
      await manager.analyse();
      clock.advance(SECOND);
    }
    expect(manager.backOff).toBe(1);
    expect(manager.pattern('tool').memoryBytes.lastUpdate).toBeGreaterThan(0);
  });

  it('says what could be set better, with evidence [ADAPT-ADVICE]', async () => {
    const manager = adaptive();
    expect(manager.advice('tool')).toEqual([]);
    await use(manager, 400, MINUTE, (step) => MIB * (30 + 8 * Math.sin(step * 1.7)));
    expect(manager.advice('tool')).toMatchObject([
      {
        resource: 'memoryBytes',
        option: 'baseLimits.maxMemoryBytes',
        from: 100 * MIB,
        text: expect.stringMatching(/^base memory could be 4\d\.\d MiB$/),
        evidence: expect.stringMatching(
          /^the highest of 6\.\d+ h is 38\.0 MiB, the base 100\.0 MiB$/,
        ),
      },
    ]);
    await use(manager, 400, MINUTE, (step) => MIB * (100 + step));
    const texts = manager.advice('tool').map(({ text }) => text);
    expect(texts.join('\n')).toMatch(/maximum memory could be 6\d\d\.\d MiB|memory may leak/);
  });

  it.each([
    ['an unknown tool', () => adaptive().pattern('other'), /toolId must be the name of a tool/],
    ['a tool twice', () => adaptive().initializeTool('tool'), /not initialised yet/],
    [
      'an interval',
      () => adaptive({ analysisIntervalMs: 1 }),
      /analysisIntervalMs must be an integer from 100 to 3600000, got 1/,
    ],
    [
      'use below 0',
      () => adaptive().observe('tool', { memoryBytes: -1 }),
      /must be a number from 0, got -1/,
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('what was learned', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'granary-state-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the same after a restart [PATTERN-SAVED]', async () => {
    const manager = adaptive();
    await use(
      manager,
      700,
      MINUTE,
      (step) => MIB * (90 + 60 * Math.sin((2 * Math.PI * step) / 60)),
    );
    const next = new AdaptiveResourceManager({ clock, load: () => 0 });
    next.restore(decodeState(encodeState(manager.state())));
    // A tool that is not initialised yet is not lost by the next save.
    expect(decodeState(encodeState(next.state()))).toEqual(
      decodeState(encodeState(manager.state())),
    );
    next.initializeTool('tool', { maxMemoryBytes: 100 * MIB }, { maxMemoryBytes: 500 * MIB });
    expect(next.limits('tool')).toEqual(manager.limits('tool'));
    expect(next.limits('tool').maxMemoryBytes).toBeGreaterThan(150 * MIB);
    expect(next.pattern('tool').memoryBytes.kind).toBe('seasonal');
  });

  it('is within the limits of now, where those have changed [PATTERN-SAVED]', async () => {
    const manager = adaptive();
    manager.raise('tool', 'memoryBytes', 300 * MIB);
    const next = new AdaptiveResourceManager({ clock });
    next.restore(manager.state());
    next.initializeTool('tool', { maxMemoryBytes: 50 * MIB }, { maxMemoryBytes: 200 * MIB });
    expect(next.limits('tool').maxMemoryBytes).toBe(200 * MIB);
  });

  it('of a time to come is not taken: the clock was wrong, then or now [PATTERN-SAVED]', () => {
    const manager = adaptive();
    manager.raise('tool', 'memoryBytes', 300 * MIB);
    const state = manager.state();
    clock.advance(-2 * HOUR);
    const next = adaptive();
    next.restore(state);
    expect(next.limits('tool').maxMemoryBytes).toBe(100 * MIB);
  });

  it('that can neither be read nor saved is told of, and stops nothing [PATTERN-SAVED]', async () => {
    const stateFile = path.join(folder, 'no', 'such', 'folder', 'limits.json');
    const told: string[] = [];
    const warn = (message: string): void => void told.push(message);
    const logger = { debug: warn, info: warn, warn, error: warn };
    const governor = new EnhancedResourceManager({ stateFile, clock, logger });
    governor.initializeTool('tool');
    await expect(governor.save()).rejects.toThrow(/ENOENT/);
    await governor.close();
    expect(told).toContainEqual(expect.stringMatching(/^limits cannot be saved: .*ENOENT/));
    // A directory cannot be read as a file.
    const other = new EnhancedResourceManager({ stateFile: folder, clock, logger });
    expect(told).toContainEqual(expect.stringMatching(/^limits begin anew: .*EISDIR/));
    await other.close();
  });

  it('goes through a file that is replaced as a whole [PATTERN-SAVED]', async () => {
    const stateFile = path.join(folder, 'limits.json');
    const first = new EnhancedResourceManager({ stateFile, clock });
    first.initializeTool('tool', { maxMemoryBytes: 100 * MIB }, { maxMemoryBytes: 500 * MIB });
    first.adaptive.raise('tool', 'memoryBytes', 300 * MIB);
    await first.close();
    expect(JSON.parse(readFileSync(stateFile, 'utf8').split('\n')[0]!)).toMatchObject({
      format: 'granary-limits',
      version: 1,
    });
    const next = new EnhancedResourceManager({ stateFile, clock });
    next.initializeTool('tool', { maxMemoryBytes: 100 * MIB }, { maxMemoryBytes: 500 * MIB });
    expect(next.limits('tool').maxMemoryBytes).toBeGreaterThan(300 * MIB);
    await next.save();
    await next.close();
  });

  it('that is damaged is put aside, and limits begin anew [PATTERN-SAVED]', async () => {
    const stateFile = path.join(folder, 'limits.json');
    const manager = adaptive();
    manager.raise('tool', 'memoryBytes', 300 * MIB);
    const whole = encodeState(manager.state());
    const warnings: string[] = [];
    const warn = (message: string): void => void warnings.push(message);
    const logger = { debug: warn, info: warn, warn, error: warn };
    for (const damaged of [whole.slice(0, -20), whole.replace('latest', 'latesd'), '', 'x\n']) {
      writeFileSync(stateFile, damaged);
      const governor = new EnhancedResourceManager({ stateFile, clock, logger });
      governor.initializeTool('tool');
      expect(governor.limits('tool').maxMemoryBytes).toBe(100 * MIB);
      await governor.close();
      expect(readFileSync(`${stateFile}.damaged`, 'utf8')).toBe(damaged);
    }
    expect(warnings.filter((text) => text.startsWith('limits begin anew'))).toHaveLength(4);
  });

  it.each([
    [
      'another version',
      (text: string) => text.replace('"version":1', '"version":2'),
      /version is 2/,
    ],
    [
      'other content',
      (text: string) => text.replace('"limit"', '"limiT"'),
      /checksum does not fit/,
    ],
    ['no state', () => '{}\n[]\n', /does not begin with granary-limits/],
  ])('of %s is refused [PATTERN-SAVED]', (_, damage, message) => {
    const manager = adaptive();
    manager.observe('tool', { memoryBytes: 1 });
    expect(() => decodeState(damage(encodeState(manager.state())))).toThrow(message);
  });
});
