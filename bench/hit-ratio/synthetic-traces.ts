import { loop } from './synthetic/loop.ts';
import { seededRandom } from './synthetic/random.ts';
import { recency } from './synthetic/recency.ts';
import { withScans } from './synthetic/scan.ts';
import { shifting } from './synthetic/shift.ts';
import { zipf } from './synthetic/zipf.ts';
import { TraceRecorder, type Trace } from './trace.ts';

const ACCESSES = 100_000;
const RANKS = 20_000;
const SEED = 20_260_101;

/** One kind of access each, by what it is called: what a policy is good at, or bad at, alone. */
const DRAWS = {
  /** Few keys are asked for often, the same ones throughout. */
  zipf: () => zipf(RANKS, 0.9, seededRandom(SEED)),
  /** More keys than fit, in turn. */
  loop: () => loop(1_100),
  /** The favourites of `zipf`, and passes over keys that nobody asks for again. */
  'zipf-scan': () =>
    withScans(zipf(RANKS, 0.9, seededRandom(SEED + 1)), {
      length: 2_000,
      pause: 6_000,
      firstKey: RANKS,
    }),
  /** The favourites change, all at once. */
  'zipf-shift': () => shifting(zipf(RANKS, 0.9, seededRandom(SEED + 2)), RANKS, 20_000),
  /** What was used lately is used again, and nothing else. */
  recency: () =>
    recency({ returns: 0.8, meanDistance: 400, longestDistance: 5_000 }, seededRandom(SEED + 3)),
} as const satisfies Record<string, () => () => number>;

export type SyntheticName = keyof typeof DRAWS;

export function syntheticTrace(name: SyntheticName): Trace {
  const draw = DRAWS[name]();
  const recorder = new TraceRecorder(false);
  for (let access = 0; access < ACCESSES; access++) recorder.access(String(draw()));
  return recorder.trace();
}
