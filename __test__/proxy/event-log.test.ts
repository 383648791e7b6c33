import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EventLog, placeOf } from '../../src/proxy/event-log.ts';

describe('the log of a session', () => {
  it('gives what was sent on a stream after an id, and nothing of another [PROXY-RESUME]', () => {
    const log = new EventLog(1_000);
    const [one, other] = [log.newStream(), log.newStream()];
    const start = placeOf(log.mark(one))!;
    const others: string[] = [];
    const ids = ['a', 'b', 'c'].map((text) => {
      others.push(log.add(other, `other ${text}`));
      return log.add(one, text);
    });
    expect(new Set([...ids, ...others, log.mark(one), log.mark(other)]).size).toBe(8);
    expect(log.after(start).map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    expect(log.after(placeOf(ids[0]!)!)).toEqual([
      { id: ids[1], text: 'b' },
      { id: ids[2], text: 'c' },
    ]);
    expect(log.after(placeOf(ids[2]!)!)).toEqual([]);
  });

  it('has ids that are unique in the session, over all streams (transports, Resumability) [SPEC-MUSTS]', () => {
    const log = new EventLog(1_000);
    const streams = [log.newStream(), log.newStream(), log.newStream()];
    const ids = streams.flatMap((stream) => [
      log.mark(stream),
      ...['a', 'b', 'c'].map((text) => log.add(stream, text)),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('keeps the last of what it may keep, in events and in bytes [PROXY-RESUME]', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 200 }), (all, maxBytes) => {
        const log = new EventLog(maxBytes);
        for (const text of all) log.add(0, text);
        const kept = log.after({ stream: 0, sequence: 0 }).map(({ text }) => text);
        const bytesOf = (some: readonly string[]): number => Buffer.byteLength(some.join(''));
        expect(kept).toEqual(all.slice(all.length - kept.length));
        expect(bytesOf(kept)).toBeLessThanOrEqual(maxBytes);
        const more = all.slice(all.length - kept.length - 1);
        if (kept.length < all.length) expect(bytesOf(more)).toBeGreaterThan(maxBytes);
      }),
    );
    const log = new EventLog(1_000_000);
    for (let count = 0; count < 1_500; count++) log.add(0, String(count));
    const kept = log.after({ stream: 0, sequence: 0 });
    expect([kept.length, kept[0]?.text, kept.at(-1)?.text]).toEqual([1_000, '500', '1499']);
  });

  it.each(['', '1', 'x-1', '1-', '-1', '1-2-3', `${'9'.repeat(16)}-1`])(
    'has given out no id like %j [PROXY-RESUME]',
    (id) => {
      expect(placeOf(id)).toBeUndefined();
    },
  );
});
