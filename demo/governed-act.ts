import { fileURLToPath } from 'node:url';

import { type ToolAnswer, ServerProcess } from './server-process.ts';
import type { Check } from './check.ts';
import { count, milliseconds, quantiles } from './figures.ts';

const ROUNDS = 3;
const CALLS_ALONE = 500;
/** What is called for the tool that stays good. */
const TEXT = 'fine';
/** How much slower the slowest hundredth of its calls may be beside the others: both cores are taken by then. */
const MOST_SLOWER_MS = 50;

export const BAD_TOOLS = ['greedy', 'endless', 'leaking'] as const;
type BadTool = (typeof BAD_TOOLS)[number];

/** What a server of bad tools and a good one has shown. */
export interface GovernedAct {
  readonly bad: Readonly<Record<BadTool, BadToolFigures>>;
  readonly good: Readonly<Record<'alone' | 'beside the others', GoodToolFigures>>;
  /** Of the handles that the leaking tool has left open in each call. */
  readonly leaks: { readonly left: number; readonly closed: number };
}

export interface BadToolFigures {
  readonly calls: number;
  /** Ended for its limits. */
  readonly ended: number;
  /** The last answer. */
  readonly answer: string;
  readonly slowestMs: number;
}

export interface GoodToolFigures {
  readonly calls: number;
  readonly wrong: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Calls the tools of examples/governed-tools.ts, the good one all the time. */
export async function runGoverned(signal: AbortSignal): Promise<GovernedAct> {
  const program = fileURLToPath(new URL('../examples/governed-tools.js', import.meta.url));
  await using server = await ServerProcess.start('the governed server', [program, 'serve'], signal);
  let left = CALLS_ALONE;
  const alone = await callGood(server, () => left-- > 0);
  const over = new AbortController();
  const beside = callGood(server, () => !over.signal.aborted);
  const bad: Partial<Record<BadTool, BadToolFigures>> = {};
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(
      BAD_TOOLS.map(async (name) => {
        bad[name] = await callBad(server, name, bad[name]);
      }),
    );
    // An ended tool is refused until it has been below its limit for a second.
    if (round < ROUNDS - 1) await waitUntilAdmitted(server);
  }
  over.abort();
  const good = { alone, 'beside the others': await beside };
  const { text } = await server.callTool('told');
  const [, leftOpen = 0, closed = 0] = /leaking left (\d+) open, (\d+) closed/.exec(text) ?? [];
  return {
    bad: bad as Record<BadTool, BadToolFigures>,
    good,
    leaks: { left: Number(leftOpen), closed: Number(closed) },
  };
}

async function callGood(server: ServerProcess, goesOn: () => boolean): Promise<GoodToolFigures> {
  const ms: number[] = [];
  let wrong = 0;
  while (goesOn()) {
    const begun = performance.now();
    const { text } = await server.callTool('good', { text: TEXT });
    ms.push(performance.now() - begun);
    if (text !== TEXT.toUpperCase()) wrong++;
  }
  const [p50Ms = Number.NaN, p99Ms = Number.NaN] = quantiles(Float64Array.from(ms), [0.5, 0.99]);
  return { calls: ms.length, wrong, p50Ms, p99Ms };
}

async function callBad(
  server: ServerProcess,
  name: BadTool,
  before: BadToolFigures | undefined,
): Promise<BadToolFigures> {
  const begun = performance.now();
  const answer = await server.callTool(name);
  const ms = performance.now() - begun;
  return {
    calls: (before?.calls ?? 0) + 1,
    ended: (before?.ended ?? 0) + (isLimit(answer) ? 1 : 0),
    answer: answer.text,
    slowestMs: Math.max(before?.slowestMs ?? 0, ms),
  };
}

function isLimit({ isError, text }: ToolAnswer): boolean {
  return isError && text.startsWith('Resource limits exceeded');
}

async function waitUntilAdmitted(server: ServerProcess): Promise<void> {
  const { text } = await server.callTool('waits');
  if (text !== 'normal') throw new Error(`the tools are ${text} after a wait`);
}

export function governedChecks({ bad, good, leaks }: GovernedAct): Check[] {
  const { alone, 'beside the others': beside } = good;
  const { greedy, endless } = bad;
  return [
    {
      claim: 'a tool that takes all memory and one that never ends are ended at their limits',
      holds: greedy.ended === greedy.calls && endless.ended === endless.calls,
      evidence:
        `${greedy.ended} of ${greedy.calls} and ${endless.ended} of ${endless.calls} calls, ` +
        `the slowest answered after ${milliseconds(Math.max(greedy.slowestMs, endless.slowestMs))}`,
    },
    {
      claim: 'what a tool leaves open is found and closed',
      holds: leaks.left > 0 && leaks.closed === leaks.left,
      evidence: `${leaks.closed} of ${leaks.left} handles of a call`,
    },
    {
      claim: 'a good tool of the same server stays right and fast beside them',
      holds: alone.wrong + beside.wrong === 0 && beside.p99Ms < alone.p99Ms + MOST_SLOWER_MS,
      evidence:
        `${count(beside.calls)} calls, ${count(beside.wrong)} wrong; p99 ${milliseconds(beside.p99Ms)}, ` +
        `${milliseconds(alone.p99Ms)} alone`,
    },
  ];
}

export const GOVERNED_HEADER = [
  'governed tool',
  'calls',
  'ended',
  'slowest answer',
  'p99',
] as const;

export function governedRows({ bad, good }: GovernedAct): string[][] {
  return [
    ...BAD_TOOLS.map((name) => {
      const { calls, ended, slowestMs } = bad[name];
      return [name, count(calls), count(ended), milliseconds(slowestMs), ''];
    }),
    ...(['alone', 'beside the others'] as const).map((when) => {
      const { calls, p99Ms } = good[when];
      return [`good, ${when}`, count(calls), '0', '', milliseconds(p99Ms)];
    }),
  ];
}
