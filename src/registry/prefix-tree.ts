class PrefixNode<T> {
  /** The text between the parent and this node; not empty but at the root. */
  label: string;
  readonly values: T[] = [];
  /** By the first UTF-16 unit of the label, which no two children share. */
  readonly children = new Map<number, PrefixNode<T>>();

  constructor(label: string) {
    this.label = label;
  }
}

function commonLength(a: string, b: string, bOffset: number): number {
  const limit = Math.min(a.length, b.length - bOffset);
  let length = 0;
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(bOffset + length)) length++;
  return length;
}

/**
 * A radix tree from prefixes to sorted lists of values, asked which prefixes a text starts with.
 *
 * An answer costs at most one pass over the text and one `Map.get` for each prefix on its way,
 * however many other prefixes the tree holds.
 */
export class PrefixTree<T> {
  readonly #root = new PrefixNode<T>('');
  readonly #compare: (a: T, b: T) => number;

  /** @param compare the order of values under one prefix; equal ones keep the order of insertion */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  insert(prefix: string, value: T): void {
    const { values } = this.#reach(prefix);
    const before = values.findLastIndex((other) => this.#compare(other, value) <= 0);
    values.splice(before + 1, 0, value);
  }

  /** @returns whether the value was there. */
  remove(prefix: string, value: T): boolean {
    const path = [this.#root];
    let node = this.#root;
    for (let offset = 0; offset < prefix.length; offset += node.label.length) {
      const child = node.children.get(prefix.charCodeAt(offset));
      if (child === undefined || !prefix.startsWith(child.label, offset)) return false;
      node = child;
      path.push(node);
    }
    const index = node.values.indexOf(value);
    if (index === -1) return false;
    node.values.splice(index, 1);
    this.#tidy(path);
    return true;
  }

  /** At most twice the number of prefixes that hold values, and the root; linear. */
  get nodeCount(): number {
    const nodes = [this.#root];
    for (const node of nodes) nodes.push(...node.children.values());
    return nodes.length;
  }

  /** @returns the lists of values of every prefix of the text, the shortest prefix first. */
  prefixesOf(text: string): (readonly T[])[] {
    const found: (readonly T[])[] = [];
    let node: PrefixNode<T> | undefined = this.#root;
    let offset = 0;
    do {
      offset += node.label.length;
      if (node.values.length > 0) found.push(node.values);
      // Past the end charCodeAt is NaN, which is the key of no child.
      node = node.children.get(text.charCodeAt(offset));
      // The key has compared the first unit, which is all of the label where prefixes are numbered.
    } while (
      node !== undefined &&
      (node.label.length === 1 || text.startsWith(node.label, offset))
    );
    return found;
  }

  /** The node of exactly this prefix, made where there is none. */
  #reach(prefix: string): PrefixNode<T> {
    let node = this.#root;
    let offset = 0;
    while (offset < prefix.length) {
      const unit = prefix.charCodeAt(offset);
      const child = node.children.get(unit);
      if (child === undefined) {
        const leaf = new PrefixNode<T>(prefix.slice(offset));
        node.children.set(unit, leaf);
        return leaf;
      }
      const shared = commonLength(child.label, prefix, offset);
      if (shared === child.label.length) {
        node = child;
      } else {
        const fork = new PrefixNode<T>(child.label.slice(0, shared));
        node.children.set(unit, fork);
        child.label = child.label.slice(shared);
        fork.children.set(child.label.charCodeAt(0), child);
        node = fork;
      }
      offset += shared;
    }
    return node;
  }

  /** Takes out nodes that neither hold values nor fork, so that removal frees what insertion took. */
  #tidy(path: readonly PrefixNode<T>[]): void {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const node = path[depth]!;
      if (node.values.length > 0 || node.children.size > 1) return;
      const parent = path[depth - 1]!;
      const unit = node.label.charCodeAt(0);
      const [only] = node.children.values();
      if (only !== undefined) {
        only.label = node.label + only.label;
        parent.children.set(unit, only);
        return;
      }
      parent.children.delete(unit);
    }
  }
}
