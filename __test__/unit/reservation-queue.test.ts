import { describe, expect, it } from 'vitest';

import type { GovernedTool } from '../../src/governor/governed-tool.ts';
import { ReservationQueue, type WaitingExecution } from '../../src/governor/reservation-queue.ts';
import { RecentLeast } from '../../src/governor/recent-least.ts';

const tool = {} as GovernedTool;

function waiting(needs: number, sinceMs = 0): WaitingExecution & { readonly needs: number } {
  return {
    ...{ tool, needs, sinceMs, features: { argumentBytes: needs, load: 0 } },
    ...{ overtaken: 0, expected: undefined, learned: -1, lack: undefined },
    begin: () => undefined,
    giveUp: () => undefined,
  };
}

const upTo = (most: number) => (one: WaitingExecution) => one.features.argumentBytes <= most;

describe('the queue of those who wait for a reservation', () => {
  it('lets eight smaller ones overtake one that does not fit, and no more [ADMIT-FAIR]', () => {
    const queue = new ReservationQueue();
    const large = waiting(100);
    queue.add(large);
    const small = Array.from({ length: 20 }, () => waiting(1));
    for (const one of small) queue.add(one);
    const begun: (WaitingExecution | undefined)[] = [];
    for (let n = 0; n < 10; n++) begun.push(queue.next(0, upTo(10)));
    expect(begun).toEqual([...small.slice(0, 8), undefined, undefined]);
    expect(queue.next(0, upTo(100))).toBe(large);
    expect(queue.next(0, upTo(100))).toBe(small[8]);
    expect(queue.size).toBe(11);
  });

  it('lets nobody overtake one that has waited for two seconds [ADMIT-FAIR]', () => {
    const queue = new ReservationQueue();
    queue.add(waiting(100));
    queue.add(waiting(1));
    queue.add(waiting(1));
    expect(queue.next(1_999, upTo(10))).toBeDefined();
    expect(queue.next(2_000, upTo(10))).toBeUndefined();
  });

  it('keeps the order in which they came [ADMIT-FAIR]', () => {
    const queue = new ReservationQueue();
    const all = [3, 1, 2].map((needs) => waiting(needs));
    for (const one of all) queue.add(one);
    expect(all.map(() => queue.next(0, () => true))).toEqual(all);
    expect(queue.next(0, () => true)).toBeUndefined();
  });

  it('turns away all, or those of a tool [ADMIT-LEAVE]', () => {
    const queue = new ReservationQueue();
    const other = {} as GovernedTool;
    const [one, two] = [waiting(1), { ...waiting(2), tool: other }];
    queue.add(one);
    queue.add(two);
    expect(queue.sizeOf(other)).toBe(1);
    expect(queue.clear(other)).toEqual([two]);
    expect(queue.clear()).toEqual([one]);
    expect(queue.size).toBe(0);
  });
});

describe('the rest of what a process holds', () => {
  it('is the least of late, so that what is told late counts once [ADMIT-RESERVED]', () => {
    const rest = new RecentLeast(1_000);
    expect(rest.least(60, 0)).toBe(60);
    expect(rest.least(200, 100)).toBe(60);
    expect(rest.least(200, 600)).toBe(60);
    expect(rest.least(200, 1_100)).toBe(200);
    expect(rest.least(80, 1_200)).toBe(80);
    expect(rest.least(90, 9_000)).toBe(90);
  });
});
