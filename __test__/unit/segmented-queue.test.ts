import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NONE, SegmentedQueue } from '../../src/cache/segmented-queue.ts';

interface Node {
  readonly id: number;
  cost: number;
}

/** The same rules over plain arrays, oldest first. */
class Model {
  window: Node[] = [];
  probation: Node[] = [];
  protected: Node[] = [];
  ghosts: number[] = [];
  #windowCost = 0;
  #mainCost = 0;

  divide(capacity: number, windowCost: number): void {
    this.#windowCost = windowCost;
    this.#mainCost = capacity - windowCost;
  }

  enter(id: number, cost: number): number {
    this.ghosts = this.ghosts.filter((ghost) => ghost !== id);
    const node = { id, cost };
    if (cost > this.#windowCost) {
      this.probation.push(node);
      return id;
    }
    this.window.push(node);
    return this.overflow();
  }

  overflow(): number {
    return costOf(this.window) > this.#windowCost ? this.window[0]!.id : NONE;
  }

  promote(id: number): void {
    this.probation.push(this.#take(id));
  }

  bury(id: number, mostGhosts: number): number {
    this.#take(id);
    this.ghosts.push(id);
    return this.ghosts.length > mostGhosts ? this.ghosts.shift()! : NONE;
  }

  touch(id: number): void {
    const home = this.homeOf(id)!;
    const node = this.#take(id);
    if (home === this.window) {
      this.window.push(node);
      return;
    }
    const main = costOf(this.probation) + costOf(this.protected) + node.cost;
    if (main >= this.#mainCost && costOf(this.window) < this.#windowCost) {
      this.window.push(node);
    } else if (home === this.probation && this.#mainCost > 0) {
      this.protected.push(node);
      for (let moves = 0; moves < 8 && costOf(this.protected) > this.#mainCost * 0.8; moves++) {
        this.probation.push(this.protected.shift()!);
      }
    } else {
      home.push(node);
    }
  }

  reweigh(id: number, cost: number): boolean {
    const home = this.homeOf(id)!;
    home.find((node) => node.id === id)!.cost = cost;
    if (home !== this.window || cost <= this.#windowCost) return false;
    this.promote(id);
    return true;
  }

  remove(id: number): void {
    this.#take(id);
  }

  victims(candidate: number): number[] {
    const others = [...this.probation, ...this.protected].filter(({ id }) => id !== candidate);
    if (others.length > 0) return others.map(({ id }) => id);
    return candidate === NONE ? [this.window[0]?.id ?? NONE] : [candidate];
  }

  homeOf(id: number): Node[] | undefined {
    return [this.window, this.probation, this.protected].find((home) =>
      home.some((node) => node.id === id),
    );
  }

  get cost(): number {
    return costOf(this.window) + costOf(this.probation) + costOf(this.protected);
  }

  #take(id: number): Node {
    const home = this.homeOf(id)!;
    return home.splice(
      home.findIndex((node) => node.id === id),
      1,
    )[0]!;
  }
}

function costOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { cost }) => sum + cost, 0);
}

const id = fc.integer({ min: 0, max: 40 });
const cost = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 }));
const step = fc.oneof(
  fc.record({ kind: fc.constant('use' as const), id, cost }),
  fc.record({ kind: fc.constant('reweigh' as const), id, cost }),
  fc.record({ kind: fc.constant('remove' as const), id, cost }),
  fc.record({ kind: fc.constant('bury' as const), id, cost }),
  fc.record({ kind: fc.constant('promote' as const), id, cost }),
  fc.record({ kind: fc.constant('divide' as const), id, cost: fc.integer({ min: 0, max: 30 }) }),
);

describe('SegmentedQueue', () => {
  it('has the order, costs and victims of the same rules over arrays [POLICY-ADAPTIVE]', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const queue = new SegmentedQueue(4);
        queue.reserve(41);
        queue.mostGhosts = 6;
        const model = new Model();
        for (const each of [queue, model]) each.divide(30, 3);
        for (const { kind, id: node, cost: amount } of steps) {
          const isHeld = model.homeOf(node) !== undefined;
          expect(queue.has(node)).toBe(isHeld);
          if (kind === 'divide') {
            for (const each of [queue, model]) each.divide(30, amount);
          } else if (kind === 'use' && !isHeld) {
            expect(queue.isGhost(node)).toBe(model.ghosts.includes(node));
            expect(queue.enter(node, amount)).toBe(model.enter(node, amount));
            expect(queue.costOf(node)).toBe(amount);
          } else if (kind === 'use') {
            for (const each of [queue, model]) each.touch(node);
          } else if (isHeld && kind === 'reweigh') {
            expect(queue.reweigh(node, amount)).toBe(model.reweigh(node, amount));
          } else if (isHeld && kind === 'bury') {
            expect(queue.bury(node)).toBe(model.bury(node, 6));
          } else if (kind === 'promote') {
            if (!model.window.some((each) => each.id === node)) continue;
            for (const each of [queue, model]) each.promote(node);
          } else if (isHeld) {
            for (const each of [queue, model]) each.remove(node);
          }
          expect([queue.cost, queue.ghosts]).toEqual([model.cost, model.ghosts.length]);
          expect(queue.overflow()).toBe(model.overflow());
          for (const candidate of [NONE, model.probation.at(-1)?.id ?? NONE]) {
            const victims = model.victims(candidate);
            const first = queue.victim(candidate);
            expect(first).toBe(victims[0]);
            if (victims.length > 1) expect(queue.nextVictim(first, candidate)).toBe(victims[1]);
          }
        }
        const left: number[] = [];
        for (let node = queue.victim(NONE); node !== NONE; node = queue.victim(NONE)) {
          left.push(node);
          queue.remove(node);
        }
        const all = [...model.probation, ...model.protected, ...model.window];
        expect(left).toEqual(all.map((node) => node.id));
        expect(queue.cost).toBe(0);
        const ghosts = Array.from({ length: queue.ghosts }, () => queue.exorcise());
        expect([...ghosts, queue.exorcise()]).toEqual([...model.ghosts, NONE]);
      }),
      { numRuns: 300 },
    );
  });

  it('is plain LRU where the window is all of it', () => {
    const queue = new SegmentedQueue(8);
    queue.divide(4, 4);
    for (const node of [0, 1, 2, 3]) queue.enter(node, 1);
    queue.touch(0);
    const candidate = queue.enter(4, 1);
    expect([candidate, queue.victim(candidate)]).toEqual([1, 1]);
  });

  it('is empty after clear, whatever it held', () => {
    const queue = new SegmentedQueue(2);
    queue.divide(10, 5);
    queue.reserve(10);
    for (let node = 0; node < 10; node++) queue.enter(node, 1);
    queue.bury(9);
    queue.clear();
    expect([queue.cost, queue.ghosts, queue.victim(NONE), queue.has(3)]).toEqual([
      0,
      0,
      NONE,
      false,
    ]);
    queue.enter(3, 2);
    expect([queue.cost, queue.victim(NONE)]).toEqual([2, 3]);
  });
});
