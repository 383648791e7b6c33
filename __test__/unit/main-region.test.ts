import { afterEach, describe, expect, it } from 'vitest';

import { Entry } from '../../src/cache/entry.ts';
import { MainRegion } from '../../src/cache/main-region.ts';
import { Word } from '../../src/native/heap-block.ts';
import { HeapCore } from '../../src/native/heap-core.ts';

const MAX_ENTRIES = 100;

const cores: HeapCore[] = [];

afterEach(() => {
  for (const core of cores.splice(0)) core.close();
});

function open(): { region: MainRegion<string>; core: HeapCore } {
  const main = { mainEntries: MAX_ENTRIES, maxEntries: MAX_ENTRIES, maxBytes: 1e6 };
  const core = new HeapCore({ background: false, main });
  cores.push(core);
  return { region: new MainRegion<string>(core), core };
}

function entry(uri: string, weight = 100): Entry<string> {
  const made = new Entry(uri, uri);
  made.begin(uri, weight, 0, 0, 0, undefined);
  return made;
}

function offerAll(region: MainRegion<string>, count: number, prefix = 'mem'): Entry<string>[] {
  return Array.from({ length: count }, (_, n) => {
    const each = entry(`${prefix}://${n}`);
    if (!region.hasRoom()) region.settle(false, () => {});
    region.offer(each);
    return each;
  });
}

const unexpected = (entry: Entry<string>) => expect.fail(`${entry.uri} was evicted`);

describe('MainRegion', () => {
  it('counts what it was offered until it hears that it left [HAZARD-8]', () => {
    const { region } = open();
    offerAll(region, 250);
    expect(region.hasRoom()).toBe(true);
    const evicted = new Set<string>();
    region.settle(true, ({ uri }) => evicted.add(uri));
    expect([evicted.size, region.size, region.weightBytes]).toEqual([150, 100, 10_000]);
  });

  it('does not touch the present holder of a slot by a notice for a former one [HAZARD-8]', () => {
    const { region, core } = open();
    const former = offerAll(region, 200);
    // The core evicts; its notices wait in the ring, unread.
    core.settle(true);
    const slots = new Set(former.map(({ slot }) => slot));
    for (const each of former) region.remove(each);
    const present = offerAll(region, 50, 'present');
    for (const { slot } of present) expect(slots.has(slot)).toBe(true);
    const evicted: string[] = [];
    region.takeNotices(({ uri }) => evicted.push(uri));
    expect(evicted).toEqual([]);
    region.settle(true, unexpected);
    expect([region.size, region.weightBytes]).toEqual([50, 5_000]);
    for (const each of present) expect(region.slots.at(each.slot)).toBe(each);
  });

  it('loses no removal and no new weight when the ring is full [HAZARD-8]', () => {
    const { region, core } = open();
    const capacity = core.words[Word.operationCapacity]!;
    const kept = offerAll(region, 40, 'kept');
    const leaving = offerAll(region, 50, 'leaving');
    region.settle(true, unexpected);
    for (let n = 0; n < capacity; n++) region.reweigh(kept[0]!, kept[0]!.weight);
    expect(region.hasRoom()).toBe(false);
    for (const each of leaving) region.remove(each);
    kept[1]!.weight = 200;
    region.reweigh(kept[1]!, 100);
    for (let n = 0; n < 3 * capacity; n++) region.reweigh(kept[0]!, kept[0]!.weight);
    region.settle(true, unexpected);
    expect([region.size, region.weightBytes]).toEqual([40, 4_100]);
    // What was removed left room: 60 fit without an eviction.
    offerAll(region, 60, 'next');
    region.settle(true, unexpected);
    expect(region.size).toBe(100);
  });

  it('goes on where tickets, heads and tails wrap [HAZARD-8]', () => {
    const { region, core } = open();
    for (const at of [Word.operationHead, Word.operationTail, Word.noticeHead, Word.noticeTail]) {
      core.words[at] = 2 ** 31 - 5;
    }
    const wrapping = new MainRegion<string>(core);
    const evicted = new Set<string>();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 300; n++) {
        if (!wrapping.hasRoom()) wrapping.settle(false, ({ uri }) => evicted.add(uri));
        wrapping.offer(entry(`mem://${round}/${n}`));
      }
      wrapping.settle(true, ({ uri }) => evicted.add(uri));
    }
    expect([wrapping.size, evicted.size]).toEqual([100, 800]);
    expect(core.words[Word.operationHead]).toBeLessThan(0);
    expect(region.size).toBe(0);
  });

  it('forgets all by clear, also what is under way [HAZARD-8]', () => {
    const { region, core } = open();
    offerAll(region, 200);
    core.settle(true);
    offerAll(region, 20, 'under way');
    region.clear();
    expect([region.size, region.weightBytes]).toEqual([0, 0]);
    expect(region.takeNotices(unexpected)).toBe(false);
    offerAll(region, 100, 'next');
    region.settle(true, unexpected);
    expect(region.size).toBe(100);
  });

  it('writes weights above 2^32 whole [HAZARD-10]', () => {
    const main = { mainEntries: MAX_ENTRIES, maxEntries: MAX_ENTRIES, maxBytes: 2 ** 40 };
    const core = new HeapCore({ background: false, main });
    cores.push(core);
    const region = new MainRegion<string>(core);
    // A quarter of the bytes each: four fit, a fifth does not.
    for (let n = 0; n < 6; n++) region.offer(entry(`mem://${n}`, 2 ** 38));
    region.settle(true, () => {});
    expect([region.size, region.weightBytes]).toEqual([4, 2 ** 40]);
  });
});
