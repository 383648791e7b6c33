/**
 * Sets a million strings of 1 kB in one contender and reads some of them back: run by main.ts in a
 * process of its own whose heap is bounded, and which may die of it.
 */
import { CONTENDERS } from './contenders.ts';
import { uriOf } from './read-results.ts';

/** What main.ts reads of a process that lives. */
export interface MillionFigures {
  readonly rssBytes: number;
}

const ENTRIES = 1_000_000;
const VALUE_BYTES = 1_000;
/** Prime to their number: from all parts. */
const CHECK_STEP = 997;

const FILLER = 'x'.repeat(VALUE_BYTES - 8);

/** In memory of its own: the sum of two strings would be a pair of references. */
function valueOf(index: number): string {
  return Buffer.from(String(index).padStart(8, '0') + FILLER, 'latin1').toString('latin1');
}

const [, , contenderName = ''] = process.argv;
const store = CONTENDERS.get(contenderName)?.(ENTRIES);
if (store === undefined) throw new Error('usage: million.js CONTENDER');

for (let index = 0; index < ENTRIES; index++) store.set(uriOf(index), valueOf(index));
for (let index = 0; index < ENTRIES; index += CHECK_STEP) {
  if (store.get(uriOf(index)) === valueOf(index)) continue;
  throw new Error(`${contenderName} gives another value of ${uriOf(index)} than was set`);
}
const figures: MillionFigures = { rssBytes: process.memoryUsage.rss() };
console.log(JSON.stringify(figures));
