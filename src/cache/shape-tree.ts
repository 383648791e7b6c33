import { distinctWeight, mostPerSingle, type Sighting } from './distinct-tally.ts';
import { HIDDEN_CLASS_BYTES, MAX_TRANSITIONS, stringHeapBytes } from './heap-layout.ts';

interface Shape extends Sighting {
  readonly bytes: number;
  /** How many transitions lead on from here, in the whole. */
  branches: number;
  children: Map<PropertyKey, Shape> | undefined;
  // Objects of one kind follow each other: the last way taken is nearly always the next.
  lastKey: PropertyKey | undefined;
  lastChild: Shape | undefined;
}

function newShape(weight: number, bytes: number): Shape {
  return {
    weight,
    hits: 1,
    bytes,
    branches: 0,
    children: undefined,
    lastKey: undefined,
    lastChild: undefined,
  };
}

/**
 * The hidden classes that a value needs: one for each sequence of property names that begins an
 * object of a given size, as V8 builds them. Names are held once.
 */
export class ShapeTree {
  readonly #roots = new Map<number, Shape>();
  readonly #shapes: Shape[] = [];
  readonly #names = new Set<PropertyKey>();

  /**
   * Follows the names of one object and adds the shapes that are new.
   *
   * @param first where in `keys` the names begin, after the indices
   * @returns false where V8 gives up on hidden classes and makes the object a dictionary
   */
  add(keys: readonly PropertyKey[], first: number, weight: number): boolean {
    const size = keys.length - first;
    let shape = this.#root(size, weight);
    for (let i = first; i < keys.length; i++) {
      const key = keys[i]!;
      let child: Shape | undefined =
        shape.lastKey === key ? shape.lastChild : shape.children?.get(key);
      if (child === undefined) {
        if (shape.branches >= MAX_TRANSITIONS) return false;
        child = this.#grow(shape, key, weight);
      } else {
        child.hits++;
      }
      shape.lastKey = key;
      shape.lastChild = child;
      shape = child;
    }
    return true;
  }

  /** @returns the bytes of all hidden classes and of the names that they hold. */
  bytes(): number {
    const perSingle = mostPerSingle(this.#shapes);
    let total = 0;
    for (const shape of this.#shapes) total += shape.bytes * distinctWeight(shape, perSingle);
    return total;
  }

  #root(size: number, weight: number): Shape {
    let root = this.#roots.get(size);
    if (root === undefined) {
      root = newShape(weight, 0);
      this.#roots.set(size, root);
    }
    return root;
  }

  #grow(parent: Shape, key: PropertyKey, weight: number): Shape {
    let bytes = HIDDEN_CLASS_BYTES;
    if (!this.#names.has(key)) {
      this.#names.add(key);
      if (typeof key === 'string') bytes += stringHeapBytes(key);
    }
    const child = newShape(weight, bytes);
    this.#shapes.push(child);
    parent.branches += weight;
    parent.children ??= new Map();
    parent.children.set(key, child);
    return child;
  }
}
