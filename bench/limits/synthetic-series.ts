import { seededRandom, type Random } from '../hit-ratio/synthetic/random.ts';
import type { UsageSeries } from './usage-series.ts';

const STEP_SECONDS = 300;
const DAY = 86_400 / STEP_SECONDS;

/** Of each kind that a limit meets, two weeks at a sample in five minutes; the same in every run. */
export function syntheticSeries(): UsageSeries[] {
  const kinds: readonly [string, (index: number, random: Random) => number][] = [
    ['steady', (_, random) => 100 + 4 * normal(random)],
    ['growth', (index, random) => 50 + index / 20 + 3 * normal(random)],
    ['burst', (_, random) => 20 + 2 * normal(random) + (random() < 0.004 ? 80 * random() : 0)],
    ['season', (index, random) => 60 - 40 * Math.cos(turns(index, 1)) + 3 * normal(random)],
    ['heavy', (_, random) => 10 * (1 - random()) ** -0.4],
    [
      'step',
      (index, random) => (Math.floor(index / DAY / 4) % 2 === 0 ? 30 : 90) + 3 * normal(random),
    ],
    ['week', (index, random) => workingHours(index) + 10 + 2 * normal(random)],
  ];
  return kinds.map(([name, use], kind) => {
    const random = seededRandom(20_240 + kind);
    const indexes = Array.from({ length: 14 * DAY }, (_, index) => index);
    return {
      name: `synthetic_${name}`,
      seconds: indexes.map((index) => index * STEP_SECONDS),
      values: indexes.map((index) => Math.max(0, use(index, random))),
    };
  });
}

function turns(index: number, days: number): number {
  return (2 * Math.PI * index) / (days * DAY);
}

function workingHours(index: number): number {
  const day = Math.floor(index / DAY) % 7;
  const hour = ((index % DAY) / DAY) * 24;
  return day < 5 && hour >= 8 && hour < 18 ? 60 : 0;
}

/** Box–Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
