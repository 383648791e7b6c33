/**
 * Draws the charts and writes the tables of bench/README.md and README.md anew from
 * bench/results/*.json; with `--check` it only tells what differs, and then ends with code 1.
 */
import { parseArgs } from 'node:util';
import { ROOT } from '../versions.ts';
import { differences, publish } from './publication.ts';

function isCheck(): boolean {
  try {
    return parseArgs({ options: { check: { type: 'boolean', default: false } } }).values.check;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('usage: [--check]');
    process.exit(2);
  }
}

if (isCheck()) {
  const changed = differences(ROOT);
  if (changed.length > 0) {
    console.error(
      `not what bench/results/*.json give: ${changed.join(', ')}\nMake them anew: npm run bench:tables`,
    );
    process.exitCode = 1;
  }
} else {
  const changed = publish(ROOT);
  console.log(changed.length === 0 ? 'nothing has changed' : `written: ${changed.join(', ')}`);
}
