/** Of each step that has passed, how much of what it taught is left: half in 140 steps. */
const KEPT = 0.995;
const FIRST_VARIANCE = 100;
/** A direction in which nothing moves would be forgotten for ever, and then believed at once. */
const MOST_VARIANCE = 1e6;

/**
 * A line through many factors that learns with each step and forgets slowly (recursive least squares with forgetting;
 * Haykin, Adaptive Filter Theory). O(n²) a step, 8·(n² + n) bytes.
 */
export class RecursiveLeastSquares {
  readonly #size: number;
  readonly #weights: Float64Array;
  readonly #variance: Float64Array;

  /** @param size - how many factors there are */
  constructor(size: number) {
    this.#size = size;
    this.#weights = new Float64Array(size);
    this.#variance = new Float64Array(size * size);
    for (let at = 0; at < size; at++) this.#variance[at * size + at] = FIRST_VARIANCE;
  }

  predict(factors: readonly number[]): number {
    let sum = 0;
    for (let at = 0; at < this.#size; at++) sum += this.#weights[at]! * factors[at]!;
    return sum;
  }

  learn(factors: readonly number[], actual: number): void {
    const size = this.#size;
    const gain = new Float64Array(size);
    let scale = KEPT;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        gain[row]! += this.#variance[row * size + column]! * factors[column]!;
      }
      scale += factors[row]! * gain[row]!;
    }
    const error = actual - this.predict(factors);
    for (let at = 0; at < size; at++) this.#weights[at]! += (gain[at]! / scale) * error;
    let largest = 0;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const at = row * size + column;
        this.#variance[at] = (this.#variance[at]! - (gain[row]! * gain[column]!) / scale) / KEPT;
      }
      largest = Math.max(largest, this.#variance[row * size + row]!);
    }
    if (largest <= MOST_VARIANCE) return;
    for (let at = 0; at < size * size; at++) this.#variance[at]! *= MOST_VARIANCE / largest;
  }
}
