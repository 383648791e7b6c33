import { isDeepStrictEqual } from 'node:util';
import { forecast } from 'mcp-granary/governor';
import { naive, seasonalNaive, type Question } from './contenders.ts';

/**
 * What granary calls naive is what is measured here as naive, and so with the season: two programs, one
 * answer. Ends the bench where they differ.
 */
export async function agree(questions: readonly Question[]): Promise<void> {
  const models = [
    ['naive', naive],
    ['seasonal-naive', seasonalNaive],
  ] as const;
  for (const question of questions) {
    const { past, season, horizon, level } = question;
    for (const [model, plain] of models) {
      const { point } = await forecast(past, { season, horizon, level, model });
      const wanted = Array.from(plain(question).point);
      const near = wanted.map((value, step) => Math.abs(value - point[step]!) <= 1e-9 * value);
      if (isDeepStrictEqual(new Set(near), new Set([true]))) continue;
      console.error(
        `forecasts by ${model} differ: ${Array.from(point).join()} for ${wanted.join()}`,
      );
      process.exit(1);
    }
  }
}
