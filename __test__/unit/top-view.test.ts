import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';

import {
  barText,
  bytesText,
  durationText,
  shareText,
  sparklineText,
} from '../../src/cli/top/figures.ts';
import { snapshotLines, type ViewOptions } from '../../src/cli/top/snapshot-view.ts';
import { lineText, widthOf } from '../../src/cli/top/text-line.ts';
import {
  type InspectionSnapshot,
  takeSnapshot,
} from '../../src/governor/inspect/inspection-snapshot.ts';
import { EnhancedResourceManager } from '../../src/governor/enhanced-resource-manager.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { ToolInspection } from '../../src/governor/inspect/tool-inspection.ts';

const MIB = 1_048_576;
const AT_MS = 1_000_000_500;

/** A snapshot of real parts, with tools that use what the test says. */
function snapshotOf(
  ...tools: readonly (Partial<ToolInspection> & { toolId: string })[]
): InspectionSnapshot {
  const governor = new EnhancedResourceManager();
  for (const { toolId } of tools) governor.initializeTool(toolId);
  using cache = new ResourceCache<string>({ maxEntries: 1_000, maxBytes: 1_000_000 });
  cache.set('a', 'x'.repeat(1_000));
  cache.get('a');
  const taken = takeSnapshot({ name: 'test', governor, caches: [['pages', cache]] });
  return {
    ...taken,
    tools: taken.tools.map((tool, index) => ({ ...tool, ...tools[index], atMs: AT_MS })),
  };
}

const amount = (value: number, confidence = 'exact' as const) => ({ value, confidence });

function uses(memoryMiB: number, files = 0, sockets = 0): ToolInspection['usage'] {
  return {
    memoryBytes: amount(memoryMiB * MIB),
    cpuTimeMs: amount(0),
    fileHandles: amount(files),
    networkConnections: amount(sockets),
  };
}

/** What a second, this many before the last whole one, has used. */
function second(ago: number, memoryMiB: number, cpuTimeMs: number) {
  const fromMs = AT_MS - (AT_MS % 1_000) - (ago + 1) * 1_000;
  const none = { fileHandles: 0, networkConnections: 0, executions: 0 };
  return { fromMs, spanMs: 1_000, memoryBytes: memoryMiB * MIB, cpuTimeMs, ...none };
}

function shown(snapshot: InspectionSnapshot, options: Partial<ViewOptions> = {}): string[] {
  const { width = Infinity } = options;
  return snapshotLines(snapshot, { width, metric: 'memory', ...options }).map((line) =>
    lineText(line, width, false),
  );
}

describe('figures', () => {
  it('of bytes, shares and times are short, and honest at the edges [TOP-VIEW]', () => {
    const bytes = [0, 1_023, 1_024, 999.6 * 1_024, 81.24 * MIB, 312 * MIB, 2 ** 60, Infinity];
    expect(bytes.map(bytesText)).toEqual([
      '0 B',
      '1.0 KiB',
      '1.0 KiB',
      '1.0 MiB',
      '81.2 MiB',
      '312 MiB',
      '1024 PiB',
      '–',
    ]);
    expect([0, 0.0041, 0.0999, 0.45, 1, 2.5].map(shareText)).toEqual([
      '0 %',
      '0.4 %',
      '10 %',
      '45 %',
      '100 %',
      '250 %',
    ]);
    const times = [999, 69_000, 7_500_000, 273_600_000];
    expect(times.map(durationText)).toEqual(['0 s', '1 m 9 s', '2 h 5 m', '3 d 4 h']);
  });

  it('of a bar are as wide as it, whatever the share [TOP-VIEW]', () => {
    expect(barText(0.5, 10)).toBe('█████     ');
    expect(barText(0.8125, 2)).toBe('█▋');
    for (const share of [-1, 0, 1e-9, 0.999, 1, 7, Infinity, Number.NaN]) {
      expect(widthOf(barText(share, 10))).toBe(10);
    }
  });

  it('of a history are as high as the most of each span, and seen where there is any [TOP-VIEW]', () => {
    expect(sparklineText([0, 1, 4, 8], 4)).toBe(' ▁▄█');
    expect(sparklineText([0, 0, 4, 8], 2)).toBe(' █');
    expect(sparklineText([0, 0.001, 0, 1_000], 4)).toBe(' ▁ █');
    expect(sparklineText([0, 0], 2)).toBe('  ');
  });
});

describe('a snapshot', () => {
  it('shows tools with limits, bar and history, those in need first [TOP-VIEW]', () => {
    const lines = shown(
      snapshotOf(
        { toolId: 'calm' },
        {
          toolId: 'busy',
          status: 'critical',
          isolation: 'worker',
          running: 2,
          waiting: 3,
          executions: 1_234,
          usage: uses(50, 3, 1),
          history: [second(59, 10, 0), second(1, 20, 10), second(0, 40, 250)],
        },
      ),
      { width: 300 },
    );
    const at = lines.findIndex((line) => line.startsWith('TOOL'));
    expect(lines[at]).toMatch(
      /^TOOL +ISOLATION +STATUS +RUN +WAIT +DONE +MEMORY +LIMIT +USED +CPU/,
    );
    expect(lines[at + 1]).toMatch(
      /^busy +worker +critical +2 +3 +1,234 +50\.0 MiB +100 MiB +█████ +25 % +3\/50 +1\/10 +▂ {57}▄█$/,
    );
    expect(lines[at + 2]).toMatch(
      /^calm +inline +normal +0 +0 +0 +0 B +100 MiB +0 % +0\/50 +0\/10$/,
    );
    expect(lines.at(-2)).toMatch(/^CACHE +ENTRIES +BYTES +BOUND +USED +HIT RATIO/);
    expect(lines.at(-1)).toMatch(/^pages +1\/1,000 +1\.0 KiB +977 KiB +▏? +100 % +1 +0/);
  });

  it('shows CPU time instead of memory where that is chosen [TOP-VIEW]', () => {
    const tool = { toolId: 'a', history: [second(2, 99, 500), second(0, 1, 1_000)] };
    const line = shown(snapshotOf(tool), { metric: 'cpu', width: 300 }).find((one) =>
      one.startsWith('a '),
    );
    expect(line).toMatch(/100 % .*▄ █$/);
  });

  it('says what is an estimate, and what has no limit [TOP-VIEW]', () => {
    const none = Infinity;
    const limits = {
      maxMemoryBytes: none,
      maxCpuTimeMs: none,
      maxFileHandles: none,
      maxNetworkConnections: none,
    };
    const usage = { ...uses(0, 7), memoryBytes: { value: MIB, confidence: 'estimate' as const } };
    const line = shown(snapshotOf({ toolId: 'a', limits, usage })).find((one) =>
      one.startsWith('a '),
    );
    expect(line).toMatch(/~1\.0 MiB +– +0 % +7 +0$/);
  });

  it('fits every width: history and bars shrink, then columns go [TOP-VIEW]', () => {
    const history = Array.from({ length: 60 }, (_, ago) => second(59 - ago, ago + 1, ago));
    const wide = { toolId: '検索ツール🔎', status: 'warning' as const, usage: uses(70), history };
    const snapshot = snapshotOf(wide, { toolId: 'x'.repeat(500) }, { toolId: 'b', history });
    for (let width = 1; width <= 200; width++) {
      for (const line of snapshotLines(snapshot, { width, metric: 'memory' })) {
        for (const text of [lineText(line, width, false), lineText(line, width, true)]) {
          expect(widthOf(stripVTControlCharacters(text))).toBeLessThanOrEqual(width);
        }
      }
    }
    const titles = (width: number) =>
      shown(snapshotOf({ toolId: 'search', history }), { width }).find((one) =>
        one.includes('TOOL'),
      );
    expect(titles(200)).toContain('MEMORY, 60 S');
    expect(titles(Infinity)).toContain('MEMORY, 60 S');
    expect(titles(80)).toMatch(/TOOL +STATUS +RUN +WAIT +MEMORY .*USED +CPU +FILES .*MEMORY, 60 S/);
    expect(titles(40)).toMatch(/^TOOL +STATUS +RUN .*MEMORY/);
  });

  it('holds no control character, whatever a tool is called [TOP-VIEW]', () => {
    const hostile = 'a\u001b[2J\u001b]0;b\u0007\r\n\t\u009bc\u202e\u2028\u200bd';
    const snapshot = { ...snapshotOf({ toolId: hostile }), name: hostile };
    for (const hasColours of [false, true]) {
      for (const line of snapshotLines(snapshot, { width: 300, metric: 'memory' })) {
        const text = lineText(line, 300, hasColours);
        // oxlint-disable-next-line no-control-regex -- colours are what it is about
        const bare = hasColours ? text.replaceAll(/\u001b\[\d+m/g, '') : text;
        expect(bare).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }
    }
    expect(shown(snapshot).join('\n')).toContain(
      String.raw`a\u001b[2J\u001b]0;b\u0007\u000d\u000a`,
    );
  });

  it('tells what the process used since the last one [TOP-VIEW]', () => {
    const now = snapshotOf({ toolId: 'a' });
    const process = { ...now.process, cpuMs: 5_000, uptimeMs: 100_000 };
    const previous = { ...now, process: { ...process, cpuMs: 4_500, uptimeMs: 99_000 } };
    const current = { ...now, process, events: { throttled: 3, refused: 0 } };
    expect(shown(current)[0]).toMatch(/^test {2}pid \d+ {2}up 1 m 40 s .* CPU 5\.0 % /);
    expect(shown(current, { previous })[0]).toMatch(/ CPU 50 % /);
    expect(shown(current)[1]).toBe('events  throttled 3');
  });

  it('of a cache that was closed, or of nothing, says so [TOP-VIEW]', () => {
    const caches = [{ name: 'gone', error: 'this cache was closed' }];
    const text = shown({ ...snapshotOf(), caches }).join('\n');
    expect(text).toMatch(/^gone +this cache was closed$/m);
    expect(shown({ ...snapshotOf(), caches: [] }).at(-1)).toBe('no tools, no caches');
  });
});
