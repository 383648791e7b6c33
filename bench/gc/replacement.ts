/**
 * Keeps 100,000 parsed results in one contender and replaces 40 of them a millisecond, then prints
 * what that cost the event loop, as a line of JSON: run by main.ts in a process of its own each time.
 */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { median } from '../rounds.ts';
import { CONTENDERS } from './contenders.ts';
import { readResult, RESULT_TEXTS, uriOf } from './read-results.ts';

/** What main.ts reads. */
export interface ReplacementFigures {
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** All collections of the run together. */
  readonly gcMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** How much longer than planned the replacements took. */
  readonly lateMs: number;
}

const RESIDENTS = 100_000;
const REPLACED_PER_MS = 40;

const CHECKED = 1_000;
const LOOK_MS = 50;
/** The part of the run, at its end, that memory is looked at: what a collection leaves goes up and down. */
const LOOKED_AT = 1 / 5;
/** What filling has left to collect is not the run's. */
const REST_MS = 300;

const [, , contenderName = '', seconds = ''] = process.argv;
const store = CONTENDERS.get(contenderName)?.(RESIDENTS);
const runMs = 1_000 * Number(seconds);
if (store === undefined || !(runMs > 0)) throw new Error('usage: replacement.js CONTENDER SECONDS');

/** Which text each resident has; not on the heap that is measured. */
const texts = new Uint16Array(RESIDENTS);
let set = 0;

function replace(index: number): void {
  const text = set++ % RESULT_TEXTS.length;
  texts[index] = text;
  store?.set(uriOf(index), readResult(text));
}

let random = 48_271;

function anyResident(): number {
  random = (random * 48_271) % 2_147_483_647;
  return random % RESIDENTS;
}

/** @returns how late the last one was, ms */
async function replaceInTime(): Promise<number> {
  const start = performance.now();
  const total = REPLACED_PER_MS * runMs;
  let done = 0;
  while (done < total) {
    const due = Math.min(total, Math.floor((performance.now() - start) * REPLACED_PER_MS));
    // Whoever is late catches up in steps: else its delay would be told twice.
    const end = Math.min(due, done + REPLACED_PER_MS);
    for (; done < end; done++) replace(anyResident());
    await (done < due ? setImmediate() : setTimeout(1));
  }
  return Math.max(0, performance.now() - start - runMs);
}

function check(): void {
  for (let n = 0; n < CHECKED; n++) {
    const index = anyResident();
    const uri = uriOf(index);
    if (isDeepStrictEqual(store?.get(uri), readResult(texts[index] ?? 0))) continue;
    throw new Error(`${contenderName} gives another value of ${uri} than was set last`);
  }
}

for (let index = 0; index < RESIDENTS; index++) replace(index);
await setTimeout(REST_MS);

let gcMs = 0;
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) gcMs += duration;
});
observer.observe({ entryTypes: ['gc'] });
const delay = monitorEventLoopDelay({ resolution: 1 });
const looks: NodeJS.MemoryUsage[] = [];
const looking = setInterval(() => looks.push(process.memoryUsage()), LOOK_MS);
delay.enable();
const lateMs = await replaceInTime();
delay.disable();
clearInterval(looking);
for (const { duration } of observer.takeRecords()) gcMs += duration;
observer.disconnect();
check();

const last = looks.slice(-Math.ceil(looks.length * LOOKED_AT));
const figures: ReplacementFigures = {
  p99Ms: delay.percentile(99) / 1e6,
  p999Ms: delay.percentile(99.9) / 1e6,
  maxMs: delay.max / 1e6,
  gcMs,
  rssBytes: median(last.map(({ rss }) => rss)),
  heapBytes: median(last.map(({ heapUsed }) => heapUsed)),
  lateMs,
};
console.log(JSON.stringify(figures));
