/** A sequence of accesses to keys. */
export interface Trace {
  /** The distinct ones, in the order of their first access. */
  readonly keys: readonly string[];
  /** An index into `keys` an access. */
  readonly accesses: Uint32Array;
  /** Bytes an access, where the trace tells them. */
  readonly bytes: Uint32Array | undefined;
}

/** Takes accesses one at a time. */
export class TraceRecorder {
  readonly #indexes = new Map<string, number>();
  readonly #keys: string[] = [];
  #accesses = new Uint32Array(1 << 16);
  #bytes: Uint32Array;
  #length = 0;
  readonly #weighted: boolean;

  /** @param weighted - whether accesses come with their bytes */
  constructor(weighted: boolean) {
    this.#weighted = weighted;
    this.#bytes = new Uint32Array(weighted ? this.#accesses.length : 0);
  }

  access(key: string, bytes = 1): void {
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.#keys.length;
      // A copy: what is cut out of a longer text keeps all of that alive.
      const copy = Buffer.from(key, 'latin1').toString('latin1');
      this.#indexes.set(copy, index);
      this.#keys.push(copy);
    }
    if (this.#length === this.#accesses.length) {
      this.#accesses = twiceAsLong(this.#accesses);
      if (this.#weighted) this.#bytes = twiceAsLong(this.#bytes);
    }
    this.#accesses[this.#length] = index;
    if (this.#weighted) this.#bytes[this.#length] = bytes;
    this.#length++;
  }

  trace(): Trace {
    return {
      keys: this.#keys,
      accesses: this.#accesses.subarray(0, this.#length),
      bytes: this.#weighted ? this.#bytes.subarray(0, this.#length) : undefined,
    };
  }
}

function twiceAsLong(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(2 * array.length);
  longer.set(array);
  return longer;
}
