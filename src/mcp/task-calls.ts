/** A call of a tool that changes something. */
export interface ToolCall {
  readonly tool: string;
  readonly args: unknown;
}

/** Tasks that are never asked about are forgotten, the oldest first. */
const MOST_TASKS = 10_000;

/** Calls that go on as tasks, by the id of the task. */
export class TaskCalls {
  readonly #calls = new Map<unknown, ToolCall>();

  has(taskId: string): boolean {
    return this.#calls.has(taskId);
  }

  add(taskId: string, call: ToolCall): void {
    this.#calls.set(taskId, call);
    if (this.#calls.size <= MOST_TASKS) return;
    for (const oldest of this.#calls.keys()) {
      this.#calls.delete(oldest);
      return;
    }
  }

  /** @returns the call of a task that is over, the first time */
  take(taskId: unknown): ToolCall | undefined {
    const call = this.#calls.get(taskId);
    this.#calls.delete(taskId);
    return call;
  }
}
