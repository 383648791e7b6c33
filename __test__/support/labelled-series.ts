import { type Random, seededRandom } from '../../bench/hit-ratio/synthetic/random.ts';

/** What a series was made as. */
export const LABELS = ['steady', 'growth', 'burst', 'seasonal', 'noise'] as const;
export type Label = (typeof LABELS)[number];

type Draw = (step: number) => number;

/**
 * A series of a label: level, length, noise and what makes the pattern are drawn; a tenth of the series
 * have gaps.
 */
export function labelledSeries(label: Label, seed: number): Float64Array {
  const random = seededRandom(seed * LABELS.length + LABELS.indexOf(label));
  const between = (low: number, high: number): number => low + (high - low) * random();
  const steps = Math.floor(between(96, 512));
  const level = 10 ** between(0, 8);
  const use = MAKERS[label]({ random, between, steps });
  const hasGaps = random() < 0.1;
  return Float64Array.from({ length: steps }, (_, step) => {
    const value = level * Math.max(0, use(step));
    return hasGaps && random() < 0.2 ? Number.NaN : value;
  });
}

interface Making {
  readonly random: Random;
  readonly between: (low: number, high: number) => number;
  readonly steps: number;
}

const MAKERS: Readonly<Record<Label, (making: Making) => Draw>> = {
  steady: ({ random, between }) => {
    const noise = between(0.005, 0.15);
    return () => 1 + noise * normal(random);
  },
  /** Grows by 0.3 to 4 times its level, under noise of 2 to 15 %. */
  growth: ({ random, between, steps }) => {
    const noise = between(0.02, 0.15);
    const rise = between(0.3, 4) / steps;
    return (step) => 1 + rise * step + noise * normal(random);
  },
  /** Two to eight peaks of up to six steps, 0.8 to 10 times the level above it. */
  burst: ({ random, between, steps }) => {
    const noise = between(0.01, 0.1);
    const peaks = new Float64Array(steps);
    for (let left = Math.floor(between(2, 9)); left > 0; left--) {
      const [from, length] = [Math.floor(random() * steps), Math.floor(between(1, 7))];
      peaks.fill(between(0.8, 10), from, from + length);
    }
    return (step) => 1 + (peaks[step] ?? 0) + noise * normal(random);
  },
  /** A sine, working hours, a saw or a daily job; 2.2 to 16 periods are seen. */
  seasonal: ({ random, between, steps }) => {
    const noise = between(0.02, 0.2);
    const [swing, period] = [between(0.4, 0.95), Math.max(6, steps / between(2.2, 16))];
    const [shape, shift] = [SHAPES[Math.floor(random() * SHAPES.length)]!, random()];
    return (step) => 1 + swing * shape((step / period + shift) % 1) + noise * normal(random);
  },
  /** White (normal, even, skewed) or such that neighbours are alike, of 20 to 60 % of the level. */
  noise: ({ random, between }) => {
    const size = between(0.2, 0.6);
    const alike = random() < 0.5 ? between(0.2, 0.7) : 0;
    const draw = [
      () => normal(random),
      () => 3.46 * (random() - 0.5),
      () => (normal(random) ** 2 + normal(random) ** 2 + normal(random) ** 2 - 3) / 2.45,
    ][Math.floor(random() * 3)]!;
    let last = 0;
    return () => {
      last = alike * last + Math.sqrt(1 - alike ** 2) * draw();
      return 2 + size * last;
    };
  },
};

const SHAPES: readonly ((phase: number) => number)[] = [
  (phase) => Math.sin(2 * Math.PI * phase),
  (phase) => (phase < 0.4 ? 1 : -0.5),
  (phase) => 2 * phase - 1,
  (phase) => (phase < 0.15 ? 1 : 0),
];

/** Box–Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
