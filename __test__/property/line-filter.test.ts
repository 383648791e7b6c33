import { Readable } from 'node:stream';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LineFilter } from '../../src/mcp/line-filter.ts';

async function filtered(chunks: readonly Buffer[], maxLineBytes: number) {
  const dropped: string[] = [];
  const filter = new LineFilter(maxLineBytes, (reason) => dropped.push(reason));
  const lines: string[] = [];
  filter.on('data', (line: Buffer) => lines.push(line.toString('latin1')));
  const ended = new Promise((resolve) => filter.once('end', resolve));
  Readable.from(chunks).pipe(filter);
  await ended;
  return { lines, dropped };
}

describe('LineFilter', () => {
  it('lets through the lines that are whole and short, however they are cut [SERVE-MALFORMED]', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\0', '\xFF'), maxLength: 60 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 12 }),
        async (text, cuts, maxLineBytes) => {
          const bytes = Buffer.from(text, 'latin1');
          const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
          const whole = text.split('\n').slice(0, -1);
          const rest = text.slice(text.lastIndexOf('\n') + 1);
          const isShort = (line: string) => line.length + 1 <= maxLineBytes;
          const { lines, dropped } = await filtered(chunks, maxLineBytes);
          expect(lines).toEqual(whole.filter(isShort).map((line) => `${line}\n`));
          expect(dropped).toHaveLength(
            whole.filter((line) => !isShort(line)).length + (rest === '' ? 0 : 1),
          );
        },
      ),
    ));
});
