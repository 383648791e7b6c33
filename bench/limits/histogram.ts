const GROWTH = 1.05;

/**
 * The histogram of the Kubernetes Vertical Pod Autoscaler: each bucket 5 % wider than the one before,
 * weights that double in a half-life.
 */
export class DecayingHistogram {
  readonly #firstBucket: number;
  readonly #halfLifeSeconds: number;
  readonly #weights: number[] = [];
  #total = 0;
  #origin: number | undefined;

  constructor(firstBucket: number, halfLifeSeconds: number) {
    this.#firstBucket = firstBucket;
    this.#halfLifeSeconds = halfLifeSeconds;
  }

  add(value: number, second: number): void {
    this.#origin ??= second;
    let age = (second - this.#origin) / this.#halfLifeSeconds;
    if (age > 500) {
      this.#rescale(2 ** -age);
      this.#origin = second;
      age = 0;
    }
    const weight = 2 ** age;
    const bucket = this.#bucket(value);
    while (this.#weights.length <= bucket) this.#weights.push(0);
    this.#weights[bucket]! += weight;
    this.#total += weight;
  }

  /** @returns the upper end of the bucket that holds the percentile; 0 where nothing was added */
  percentile(share: number): number {
    let sum = 0;
    for (const [bucket, weight] of this.#weights.entries()) {
      sum += weight;
      // Sums of the same weights in another order differ in their last digits.
      if (sum >= share * this.#total * (1 - 1e-12)) return this.#end(bucket);
    }
    return 0;
  }

  #bucket(value: number): number {
    if (!(value >= this.#firstBucket) || this.#firstBucket === 0) return 0;
    return Math.floor(Math.log((value / this.#firstBucket) * (GROWTH - 1) + 1) / Math.log(GROWTH));
  }

  #end(bucket: number): number {
    return (this.#firstBucket * (GROWTH ** (bucket + 1) - 1)) / (GROWTH - 1);
  }

  #rescale(factor: number): void {
    for (const bucket of this.#weights.keys()) this.#weights[bucket]! *= factor;
    this.#total *= factor;
  }
}
