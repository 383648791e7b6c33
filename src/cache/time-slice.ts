/** Long work lets other work of the thread in after so many ms. */
const SLICE_MS = 1;

/** Cuts long work into slices: after each step of it, `if (slice.isOver()) await slice.next()`. */
export class TimeSlice {
  #endsAt = performance.now() + SLICE_MS;

  isOver(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** Resolves when timers, input and output have had their turn. */
  async next(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    this.#endsAt = performance.now() + SLICE_MS;
  }
}
