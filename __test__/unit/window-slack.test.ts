import { describe, expect, it } from 'vitest';

import { WindowSlack } from '../../src/cache/window-slack.ts';

describe('WindowSlack', () => {
  it('leaves nothing empty while nothing is dropped [HAZARD-10]', () => {
    const slack = new WindowSlack(100);
    for (let now = 0; now < 1_000; now++) slack.relax(now);
    expect(slack.share).toBe(0);
  });

  it('is an entry wide after a drop, and doubles to half of the window', () => {
    const slack = new WindowSlack(100);
    const shares = Array.from({ length: 8 }, () => {
      slack.widen(0);
      return slack.share;
    });
    expect(shares).toEqual([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5]);
  });

  it('is never more than half, in a window of one entry too', () => {
    const slack = new WindowSlack(1);
    slack.widen(0);
    slack.widen(0);
    expect(slack.share).toBe(0.5);
  });

  it('goes back to nothing by halves in a calm, and a drop ends the calm', () => {
    const slack = new WindowSlack(100);
    for (let n = 0; n < 3; n++) slack.widen(1_000);
    slack.relax(1_100);
    expect(slack.share).toBe(0.04);
    slack.relax(1_101);
    expect(slack.share).toBe(0.02);
    slack.widen(1_150);
    expect(slack.share).toBe(0.04);
    slack.relax(1_202);
    expect(slack.share).toBe(0.04);
    for (let now = 1_300; now < 2_000; now += 101) slack.relax(now);
    expect(slack.share).toBe(0);
  });

  it('relaxes also where the clock has moved its origin [HAZARD-5]', () => {
    const slack = new WindowSlack(100);
    slack.widen(2 ** 30 - 1);
    slack.relax(5);
    slack.relax(200);
    expect(slack.share).toBe(0);
  });
});
