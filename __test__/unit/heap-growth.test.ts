import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { weighValue } from '../../src/cache/value-weight.ts';
import { heapShapes } from '../support/heap-shapes.ts';

const run = promisify(execFile);

// A process of its own for each shape, so that none finds hidden classes or names of another. What
// the start of the process left behind goes over several collections.
const MEASURE = `
  const used = () => {
    let low = Infinity;
    for (let same = 0; same < 3; ) {
      gc();
      const now = process.memoryUsage().heapUsed;
      same = now < low ? 0 : same + 1;
      low = Math.min(low, now);
    }
    return low;
  };
  globalThis.text = require('node:fs').readFileSync(process.argv[1], 'utf8');
  globalThis.held = JSON.parse('[1]');
  const before = used();
  globalThis.held = JSON.parse(text);
  console.log(used() - before);
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'granary-heap-growth-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** How much the heap of a new process grows by parsing this text. */
async function heapGrowth(name: string, json: string): Promise<number> {
  const file = join(folder, `${name.replaceAll(/\W/g, '-')}.json`);
  await writeFile(file, json);
  const { stdout } = await run(process.execPath, ['--expose-gc', '-e', MEASURE, file]);
  return Number(stdout);
}

describe('the weight of plain JSON data', () => {
  it.each(Object.entries(heapShapes))(
    'is within 30 % of what V8 takes for it: %s [WEIGH-JSON]',
    async (name, makeJson) => {
      const json = makeJson();
      const growth = await heapGrowth(name, json);
      const ratio = weighValue(JSON.parse(json)) / growth;
      if (process.env['GRANARY_SHOW_WEIGHTS'] !== undefined) {
        console.log(`${name}: ${growth} bytes, estimated at ${ratio.toFixed(3)} of it`);
      }
      expect(growth).toBeGreaterThanOrEqual(1_000_000);
      expect(ratio).toBeGreaterThanOrEqual(0.7);
      expect(ratio).toBeLessThanOrEqual(1.3);
    },
  );
});
