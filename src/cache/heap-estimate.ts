import { DistinctTally, distinctWeight, mostPerSingle, type Sighting } from './distinct-tally.ts';
import {
  BOXED_DOUBLE_BYTES,
  MAX_INTERNED_LENGTH,
  SYMBOL_BYTES,
  WORD_BYTES,
  bigintHeapBytes,
  dictionaryBytes,
  isSmallInteger,
  stringHeapBytes,
} from './heap-layout.ts';
import { openHeapObject, type HeapObject } from './heap-object.ts';
import { ABSENT, ownValue } from './own-property.ts';
import { ShapeTree } from './shape-tree.ts';

/** Values of one depth that are visited at most; of more, a sample of this size stands for all. */
export const LEVEL_VISITS = 4_096;

/** Values visited in all, at most (and one level's more); what lies deeper is taken as average. */
export const MAX_VISITS = 65_536;

/**
 * Up to here names, hidden classes and short strings are left alone: a small value shares them
 * with others of its kind, and looking for repeats costs more than they weigh.
 */
const SMALL_VALUE_VISITS = 256;

/** So many objects are told apart by looking through them, before a Map is made. */
const FEW_OBJECTS = 16;

interface Node extends Sighting {
  readonly value: object;
  readonly object: HeapObject;
  readonly depth: number;
  /** Whether it holds its names itself: known to the object, or found when no shape is left. */
  dictionary: boolean;
  /** The last node that referred to this one. */
  referrer: Node | undefined;
}

/**
 * Estimates the bytes of V8's heap, and of buffers beside it, that a value keeps alive.
 *
 * It goes level by level. A level of at most {@link LEVEL_VISITS} values is visited whole; of a
 * larger one the values are cut into that many strata, and one of each is visited and stands for
 * its stratum. So the visits are bounded, whatever the size. The same value always weighs the same.
 * No code of the value runs: getters are passed over, proxies count as a fixed size.
 */
export class HeapEstimate {
  /** How many values were visited. */
  visits = 0;

  #bytes = 0;
  // How many values of the whole those visited stand for.
  #population = 1;
  #current: Node[] = [];
  #next: Node[] = [];
  #depth = 0;
  #few: Node[] = [];
  #seen: Map<object, Node> | undefined;
  #strings: DistinctTally | undefined;
  #shapes: ShapeTree | undefined;
  #random = 1;
  // Of the object whose children are being visited: what its doubles would take in boxes.
  #doubleBytes = 0;
  #onlyNumbers = true;

  /** @returns the bytes that `value` keeps alive beyond the slot that refers to it. */
  of(value: unknown): number {
    this.#visit(value, 1, undefined);
    while (this.#next.length > 0) {
      this.#settle();
      const mass = this.#openLevel();
      if (this.visits >= MAX_VISITS) {
        this.#bytes += mass * (this.#bytes / this.#population);
        break;
      }
      this.#visitLevel(mass);
    }
    return this.#bytes + (this.#strings?.bytes() ?? 0) + (this.#shapes?.bytes() ?? 0);
  }

  /** Two samples of one object are one object: its weight falls, and that of singles with it. */
  #settle(): void {
    const level = this.#next;
    this.#next = [];
    this.#current = level;
    this.#depth++;
    if (!level.some((node) => node.weight > 1)) return;
    const perSingle = mostPerSingle(level);
    for (const node of level) node.weight = distinctWeight(node, perSingle);
  }

  /** Adds the objects' own bytes. @returns how many children they have, in the whole. */
  #openLevel(): number {
    let mass = 0;
    for (const node of this.#current) {
      const { object, weight } = node;
      this.#bytes += weight * this.#ownBytes(node);
      mass += weight * object.childWeight * object.children;
    }
    return mass;
  }

  #ownBytes(node: Node): number {
    const { keys, indices, bytes } = node.object;
    if (keys === undefined || node.dictionary || this.#isSmallSoFar(node.weight)) return bytes;
    const names = keys.length - indices;
    this.#shapes ??= new ShapeTree();
    if (names === 0 || this.#shapes.add(keys, indices, node.weight)) return bytes;
    node.dictionary = true;
    return bytes - WORD_BYTES * names + dictionaryBytes(names);
  }

  #isSmallSoFar(weight: number): boolean {
    return this.visits < SMALL_VALUE_VISITS && weight === 1;
  }

  #visitLevel(mass: number): void {
    const stride = mass > LEVEL_VISITS ? mass / LEVEL_VISITS : 0;
    // Where the children passed end, and the place within the current stratum that is visited.
    let end = 0;
    let stratum = 0;
    let mark = stride * this.#fraction();
    for (const node of this.#current) {
      const { object } = node;
      const weight = node.weight * object.childWeight;
      this.#doubleBytes = 0;
      this.#onlyNumbers = true;
      if (weight >= stride) {
        for (let i = 0; i < object.children; i++) this.#visitChild(node, i, weight);
      } else {
        const start = end;
        end += weight * object.children;
        while (mark < end) {
          const index = Math.floor((mark - start) / weight);
          // A child that marks of two strata fall on stands for both.
          const last = start + weight * (index + 1);
          let stands = 0;
          do {
            stands += stride;
            mark = stride * (++stratum + this.#fraction());
          } while (mark < last);
          this.#visitChild(node, Math.min(index, object.children - 1), stands);
        }
      }
      // An array of nothing but numbers holds them unboxed, in its slots.
      if (!this.#onlyNumbers || object.keys !== undefined) this.#bytes += this.#doubleBytes;
    }
  }

  #visitChild(node: Node, index: number, weight: number): void {
    const { holder, keys, indices } = node.object;
    const key = keys === undefined ? index : keys[index]!;
    const child = ownValue(holder, key);
    if (node.dictionary && index >= indices && typeof key === 'string') this.#intern(key, weight);
    if (typeof child === 'number') {
      this.visits++;
      this.#population += weight;
      if (!isSmallInteger(child)) this.#doubleBytes += weight * BOXED_DOUBLE_BYTES;
    } else {
      if (child !== ABSENT) this.#onlyNumbers = false;
      this.#visit(child, weight, node);
    }
  }

  #visit(value: unknown, weight: number, referrer: Node | undefined): void {
    this.visits++;
    this.#population += weight;
    switch (typeof value) {
      case 'string':
        if (value.length <= MAX_INTERNED_LENGTH) this.#intern(value, weight);
        else this.#bytes += weight * stringHeapBytes(value);
        return;
      case 'object':
        if (value !== null) this.#meet(value, weight, referrer);
        return;
      case 'function':
        this.#meet(value, weight, referrer);
        return;
      case 'bigint':
        this.#bytes += weight * bigintHeapBytes(value);
        return;
      case 'symbol':
        this.#bytes += weight * (value === ABSENT ? 0 : SYMBOL_BYTES);
        return;
      case 'number':
        this.#bytes += isSmallInteger(value) ? 0 : weight * BOXED_DOUBLE_BYTES;
        return;
      case 'boolean':
      case 'undefined':
    }
  }

  #intern(text: string, weight: number): void {
    if (this.#isSmallSoFar(weight)) {
      this.#bytes += weight * stringHeapBytes(text);
    } else {
      this.#strings ??= new DistinctTally();
      this.#strings.add(text, weight, stringHeapBytes);
    }
  }

  /** Counts each object once, at the first level that refers to it; so cycles end. */
  #meet(value: object, weight: number, referrer: Node | undefined): void {
    const known = this.#find(value);
    if (known === undefined) {
      const object = openHeapObject(value);
      const { dictionary } = object;
      const depth = this.#depth;
      const node: Node = { value, object, depth, dictionary, weight, hits: 1, referrer };
      this.#remember(node);
      this.#next.push(node);
    } else if (known.depth === this.#depth && referrer !== undefined) {
      // Of an object visited whole, two references to one other are one sighting of it.
      if (weight === referrer.weight && known.referrer === referrer) return;
      known.hits++;
      known.referrer = referrer;
    }
  }

  #find(value: object): Node | undefined {
    if (this.#seen !== undefined) return this.#seen.get(value);
    for (const node of this.#few) if (node.value === value) return node;
    return undefined;
  }

  #remember(node: Node): void {
    if (this.#seen !== undefined) {
      this.#seen.set(node.value, node);
      return;
    }
    this.#few.push(node);
    if (this.#few.length === FEW_OBJECTS) {
      this.#seen = new Map(this.#few.map((each) => [each.value, each]));
    }
  }

  /** From 0 to 1; the same sequence each time (Numerical Recipes' generator). */
  #fraction(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
  }
}
