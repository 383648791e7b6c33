/** The load: jobs of four tools, by a seed. */

import { seededRandom } from '../hit-ratio/synthetic/random.ts';

/** One call of a tool. */
export interface Job {
  readonly tool: string;
  readonly input: Uint8Array;
  /** What the tool must answer. */
  readonly answer: number;
}

export const TOOLS = ['render', 'search', 'score', 'report'] as const;
export type Tool = (typeof TOOLS)[number];

export const MIB = 1_048_576;
/** Of what a picture is decoded to, its input is one part. */
export const EXPANSION = 1_000;

/** Bytes of the input of a job, by what the tool does with them: see tools.ts. */
const INPUT_BYTES: Readonly<Record<Tool, (random: () => number) => number>> = {
  // Most pictures are small; one in ten decodes to 120 to 200 MB.
  render: (random) =>
    Math.round((random() < 0.9 ? 5 + 25 * random() : 120 + 80 * random()) * EXPANSION),
  search: (random) => 50 + Math.round(400 * random()),
  // Work grows with the text, memory does not.
  score: (random) => 2_000 + Math.round(30_000 * random() ** 2),
  report: () => 1_024,
};

/** Of how many jobs each tool has its share. */
const SHARES: Readonly<Record<Tool, number>> = {
  render: 0.4,
  search: 0.35,
  score: 0.1,
  report: 0.15,
};

/** @returns `count` jobs, the same for the same seed */
export function makeJobs(count: number, seed: number): Job[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const tool = pick(random());
    const input = new Uint8Array(INPUT_BYTES[tool](random));
    for (let at = 0; at < input.length; at++) input[at] = Math.floor(256 * random());
    return { tool, input, answer: answerOf(input) };
  });
}

/** What every tool answers: a checksum of its input (FNV-1a). */
export function answerOf(input: Uint8Array): number {
  let hash = 0x81_1c_9d_c5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01_00_01_93);
  return hash >>> 0;
}

function pick(share: number): Tool {
  let sum = 0;
  for (const tool of TOOLS) {
    sum += SHARES[tool];
    if (share < sum) return tool;
  }
  return 'report';
}
