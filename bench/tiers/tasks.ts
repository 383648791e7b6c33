import { setImmediate, setTimeout } from 'node:timers/promises';

import type { TierUse } from './contenders.ts';

/** What a process may be asked to do, by the name of what it does. */
export type TierTask =
  | { readonly name: 'answers' }
  | { readonly name: 'l1-hit'; readonly ms: number }
  /** Loads of so many keys, one of each. */
  | { readonly name: 'load-each'; readonly keys: string; readonly count: number }
  | {
      readonly name: 'crowd';
      readonly key: string;
      readonly callers: number;
      readonly originMs: number;
    }
  | { readonly name: 'load'; readonly key: string }
  | { readonly name: 'invalidate'; readonly key: string }
  /** Asks until the value is another one. */
  | { readonly name: 'watch'; readonly key: string; readonly mostMs: number };

/** What a process has found. */
export type TierFigures = Readonly<Record<string, number>>;

const VALUE_BYTES = 200;
/** As many requests as a server may have under way. */
const LANES = 16;
const HOT_KEYS = 100;
const ANSWER_KEYS = 20;
const ANSWERS = 400;
const LOADS_PER_LOOK = 256;

/** @returns a clock that all processes of the machine share */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function valueOf(key: string): string {
  return `${key} `.padEnd(VALUE_BYTES, 'value ');
}

/** One process does the same as with every other contender, and sums up what it was answered. */
async function answers(use: TierUse): Promise<TierFigures> {
  let random = 48_271;
  let sum = 0;
  for (let n = 0; n < ANSWERS; n++) {
    random = (random * 48_271) % 2_147_483_647;
    const key = `answers://${random % ANSWER_KEYS}`;
    const kind = (random >>> 8) % 10;
    if (kind < 2) await use.set(key, String(n));
    else if (kind < 4) await use.invalidate(key);
    else {
      const answer = await use.load(key, async () => String(n));
      sum = (sum * 31 + Number(answer) + 1) % 1_000_003;
    }
  }
  return { answers: sum };
}

async function measured(run: () => Promise<number>): Promise<TierFigures> {
  const cpu = process.cpuUsage();
  const began = nowMs();
  const operations = await run();
  const ms = nowMs() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    operations,
    nsPerOp: (ms * 1e6) / operations,
    cpuNsPerOp: ((user + system) * 1e3) / operations,
  };
}

async function unasked(): Promise<string> {
  throw new Error('a hit has asked the origin');
}

async function l1Hit(use: TierUse, ms: number): Promise<TierFigures> {
  const keys = Array.from({ length: HOT_KEYS }, (_, n) => `hot://${n}`);
  for (const key of keys) await use.load(key, async () => valueOf(key));
  await use.settle?.();
  const run = async (forMs: number): Promise<number> => {
    const end = nowMs() + forMs;
    let operations = 0;
    do {
      for (let n = 0; n < LOADS_PER_LOOK; n++) await use.load(keys[n % HOT_KEYS]!, unasked);
      operations += LOADS_PER_LOOK;
    } while (nowMs() < end);
    return operations;
  };
  await run(ms / 2);
  return measured(() => run(ms));
}

async function loadEach(use: TierUse, keys: string, count: number): Promise<TierFigures> {
  let loads = 0;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const key = `${keys}://${next++}`;
      const value = await use.load(key, async () => {
        loads++;
        return valueOf(key);
      });
      if (value !== valueOf(key)) throw new Error(`${key} has the value of another`);
    }
  };
  const figures = await measured(async () => {
    await Promise.all(Array.from({ length: LANES }, lane));
    await use.settle?.();
    return count;
  });
  return { ...figures, loads };
}

async function crowd(
  use: TierUse,
  key: string,
  callers: number,
  originMs: number,
): Promise<TierFigures> {
  let loads = 0;
  const load = async (): Promise<string> => {
    loads++;
    await setTimeout(originMs);
    return valueOf(key);
  };
  const cpu = process.cpuUsage();
  const began = nowMs();
  const values = await Promise.all(Array.from({ length: callers }, () => use.load(key, load)));
  const ms = nowMs() - began;
  const { user, system } = process.cpuUsage(cpu);
  if (values.some((value) => value !== valueOf(key))) throw new Error('a caller has no value');
  await use.settle?.();
  return { loads, ms, cpuMs: (user + system) / 1e3 };
}

/** A value of its own for every load. */
let made = 0;
async function load(use: TierUse, key: string): Promise<string> {
  return (await use.load(key, async () => `${process.pid}.${++made}`)) ?? '';
}

async function watch(
  use: TierUse,
  key: string,
  mostMs: number,
  watching: () => void,
): Promise<TierFigures> {
  const old = await load(use, key);
  watching();
  const began = nowMs();
  let lastOldMs = began;
  for (;;) {
    const askedMs = nowMs();
    if ((await load(use, key)) !== old) return { lastOldMs, isDropped: 1 };
    lastOldMs = askedMs;
    if (lastOldMs - began > mostMs) return { lastOldMs, isDropped: 0 };
    await setImmediate();
  }
}

/**
 * @param watching called once it is known what is the old value
 * @returns what it has found
 */
export async function perform(
  use: TierUse,
  task: TierTask,
  watching: () => void,
): Promise<TierFigures> {
  switch (task.name) {
    case 'answers':
      return answers(use);
    case 'l1-hit':
      return l1Hit(use, task.ms);
    case 'load-each':
      return loadEach(use, task.keys, task.count);
    case 'crowd':
      return crowd(use, task.key, task.callers, task.originMs);
    case 'load':
      await load(use, task.key);
      await use.settle?.();
      return {};
    case 'invalidate':
      await use.invalidate(task.key);
      return { returnedMs: nowMs() };
    case 'watch':
      return watch(use, task.key, task.mostMs, watching);
  }
}
