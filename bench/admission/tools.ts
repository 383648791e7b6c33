/** The tools of the load, run in threads or processes of their own. Each answers with a checksum of its input. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answerOf, EXPANSION, MIB } from './jobs.ts';

/** How long others take to answer, or to take what they are sent. */
const UPSTREAM_MS = 500;

/** What main.ts checks, and of what it makes waits. */
export interface Answer {
  readonly answer: number;
  /** ms since 1970. */
  readonly begunMs: number;
}

/** Decodes a picture to a thousand times its bytes, in one piece, and holds it while it is sent elsewhere. */
export async function render(input: Uint8Array): Promise<Answer> {
  const begunMs = now();
  const pixels = Buffer.alloc(input.length * EXPANSION);
  for (let at = 0; at < input.length; at++)
    pixels.fill(input[at] ?? 0, at * EXPANSION, (at + 1) * EXPANSION);
  await sleep(UPSTREAM_MS + (pixels.length / MIB) * 0.5);
  // From the pixels back to the input: whoever took them away would be found out.
  return { begunMs, answer: answerOf(input.map((_, at) => pixels[at * EXPANSION] ?? 0)) };
}

/** Waits for others, with little in its hands. */
export async function search(input: Uint8Array): Promise<Answer> {
  const begunMs = now();
  const found = Buffer.alloc(2 * MIB, input[0]);
  await sleep(UPSTREAM_MS * (0.5 + (input[0] ?? 0) / 256));
  return { begunMs, answer: found[MIB] === input[0] ? answerOf(input) : 0 };
}

/** Computes, a millisecond for each kB: 2 to 32. */
export async function score(input: Uint8Array): Promise<Answer> {
  const begunMs = now();
  let answer = 0;
  for (let pass = 0; pass < 600; pass++) answer = answerOf(input);
  return { begunMs, answer };
}

/** Takes 5 to 60 MB, by what stands in a database: nothing that could be seen in its arguments' size. */
export async function report(input: Uint8Array): Promise<Answer> {
  const begunMs = now();
  const rows: Buffer[] = [];
  const mebibytes = 5 + Math.floor(55 * ((input[1] ?? 0) / 256) ** 2);
  while (rows.length < mebibytes) {
    rows.push(Buffer.alloc(MIB, input[2]));
    if (rows.length % 8 === 0) await sleep(5);
  }
  await sleep(UPSTREAM_MS);
  return { begunMs, answer: rows.every((row) => row[9] === input[2]) ? answerOf(input) : 0 };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
