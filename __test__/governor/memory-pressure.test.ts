import { describe, expect, it } from 'vitest';
import { memoryGauge } from '../../src/governor/memory-pressure.ts';
import { builtUrl, PACKAGE_URL, runModule } from '../support/child-module.ts';

const MIB = 1_048_576;

interface Pressed {
  readonly steps: readonly string[];
  readonly reasons: readonly string[];
  readonly cacheMib: readonly number[];
  readonly waited: boolean;
  readonly refused: string;
  readonly boundMib: number;
  readonly after: string;
}

describe('memory of the whole process', () => {
  it('is gauged against the limit given [PRESSURE-GAUGE]', () => {
    const rssBytes = process.memoryUsage.rss();
    const { share, reason } = memoryGauge(rssBytes * 2)();
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.7);
    expect(reason).toMatch(/^the process has \d+ MiB of \d+ MiB$/);
  });

  it('that is short shrinks the cache, then lets tools wait, then refuses them, and all comes back [PRESSURE-REAL]', async () => {
    // A process of its own that really fills its memory.
    const pressed = await runModule<Pressed>(
      `
      import { setTimeout as delay } from 'node:timers/promises';
      import { ResourceCache } from '${PACKAGE_URL}';
      import { EnhancedResourceManager } from '${builtUrl('governor/index.js')}';

      const MIB = ${MIB};
      // Off the heap: what a smaller bound frees goes back to the system.
      const cache = new ResourceCache({ storage: 'native', name: 'pressed', maxBytes: 64 * MIB, maxEntries: 10_000 });
      for (let n = 0; n < 48; n++) cache.set('mem://' + n, Buffer.alloc(MIB, n));
      const limit = process.memoryUsage.rss() + 64 * MIB;
      const governor = new EnhancedResourceManager({
        sampleIntervalMs: 20,
        degradation: { caches: [cache], processMemoryBytes: limit, enter: 0.9, leave: 0.8, sustainMs: 60, recoverMs: 60 },
      });
      governor.initializeTool('modest', undefined, undefined, { priority: 0 });
      governor.initializeTool('vital', undefined, undefined, { priority: 9 });
      const steps = [];
      const reasons = [];
      const cacheMib = [];
      governor.on('degraded', ({ direction, step, reason }) => {
        steps.push(direction + ': ' + step.replace(/[\\d.]+ MiB/, 'some'));
        reasons.push(reason);
        cacheMib.push(cache.weightBytes / MIB);
      });
      const until = async (holds) => { while (!holds()) await delay(5); };
      let ballast = [];
      const press = (share) => { while (process.memoryUsage.rss() < limit * share) ballast.push(new SharedArrayBuffer(4 * MIB)) && new Uint8Array(ballast.at(-1)).fill(1); };
      // The cache gives way; as what took its place grows, so does the need.
      let waited = false;
      let begun;
      let refused = '';
      while (!steps.some((step) => step.includes('refused'))) {
        press(0.95);
        if (begun === undefined && steps.some((step) => step === 'worse: tools of priority 0 and below wait')) {
          begun = governor.execute('modest', () => 'ran');
          const vital = await governor.execute('vital', () => 'vital');
          waited = vital === 'vital' && (await Promise.race([begun, delay(1, 'waits')])) === 'waits';
        }
        await delay(5);
      }
      refused = await governor.execute('modest', () => 'ran').catch((error) => error.code + ' ' + error.message);
      ballast = [];
      // Collected, and so given back.
      while (process.memoryUsage.rss() > limit * 0.75) { globalThis.gc(); await delay(10); }
      await until(() => cache.stats().maxMemoryBytes === 64 * MIB);
      const after = (await begun) + ' ' + (await governor.execute('modest', () => 'again'));
      const boundMib = cache.stats().maxMemoryBytes / MIB;
      await governor.close();
      cache.close();
      console.log(JSON.stringify({ steps, reasons, cacheMib, waited, refused, boundMib, after }));
      `,
      ['--expose-gc'],
    );
    const worse = pressed.steps.filter((step) => step.startsWith('worse'));
    expect(worse[0]).toBe('worse: caches give up some');
    const firstWait = worse.indexOf('worse: tools of priority 0 and below wait');
    expect(firstWait).toBeGreaterThan(0);
    expect(worse.slice(0, firstWait).every((step) => step.includes('caches'))).toBe(true);
    expect(pressed.cacheMib[0]).toBeLessThan(25);
    expect(pressed.reasons[0]).toMatch(/^the process has \d+ MiB of \d+ MiB/);
    expect(pressed.waited).toBe(true);
    expect(pressed.refused).toMatch(
      /^ERR_GRANARY_LIMIT_EXCEEDED Resource limits exceeded: memory of the whole process is short/,
    );
    expect(pressed.boundMib).toBe(64);
    expect(pressed.after).toBe('ran again');
  });
});
