import type { TaskCalls, ToolCall } from './task-calls.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A request by whose answer a call may turn out to have succeeded. */
export type PendingCall =
  | { readonly about: 'call'; readonly call: ToolCall }
  | { readonly about: 'task'; readonly taskId: string; readonly hasResult: boolean };

/** Tells by what passes between clients and servers which calls have changed something. */
export class MutatingCalls {
  readonly #tasks: TaskCalls;
  readonly #isMutating: (tool: string) => boolean;

  constructor(tasks: TaskCalls, isMutating: (tool: string) => boolean) {
    this.#tasks = tasks;
    this.#isMutating = isMutating;
  }

  /** @returns what is to be handed to `answered` with the result, where a request is of interest */
  pendingOf(method: string, params: unknown): PendingCall | undefined {
    const { name, arguments: args, taskId } = fieldsOf(params);
    switch (method) {
      case 'tools/call': {
        const isWatched = typeof name === 'string' && this.#isMutating(name);
        return isWatched ? { about: 'call', call: { tool: name, args } } : undefined;
      }
      case 'tasks/get':
      case 'tasks/result': {
        const isWatched = typeof taskId === 'string' && this.#tasks.has(taskId);
        return isWatched
          ? { about: 'task', taskId, hasResult: method === 'tasks/result' }
          : undefined;
      }
      default:
        return undefined;
    }
  }

  /** @returns the call that has succeeded, told once */
  answered(pending: PendingCall, given: unknown): ToolCall | undefined {
    const result = fieldsOf(given);
    if (pending.about === 'call') return this.#begun(pending.call, result);
    const { taskId, hasResult } = pending;
    if (!hasResult) return this.#settleTask(taskId, result);
    return this.#settleTask(taskId, { status: isSuccess(result) ? 'completed' : 'failed' });
  }

  /** @returns the call whose success a notification tells of, once */
  told(method: string, params: unknown): ToolCall | undefined {
    if (method !== 'notifications/tasks/status' && method !== 'notifications/tasks') {
      return undefined;
    }
    const task = fieldsOf(params);
    return this.#settleTask(task['taskId'], task);
  }

  #begun(call: ToolCall, result: Fields): ToolCall | undefined {
    // A member of the result on 2025-11-25, the result itself with the extension since 2026-07-28.
    const { taskId } = result['resultType'] === 'task' ? result : fieldsOf(result['task']);
    if (typeof taskId !== 'string') return isSuccess(result) ? call : undefined;
    this.#tasks.add(taskId, call);
    return undefined;
  }

  /** @param task what is told of it; with the extension that has the result of one that is over */
  #settleTask(taskId: unknown, { status, result }: Fields): ToolCall | undefined {
    const isOver = status === 'completed' || status === 'failed' || status === 'cancelled';
    const call = isOver ? this.#tasks.take(taskId) : undefined;
    return status === 'completed' && isSuccess(fieldsOf(result)) ? call : undefined;
  }
}

/** `resultType`, `inputRequests` and `requestState` come with specification 2026-07-28. */
function isSuccess({
  isError,
  resultType = 'complete',
  inputRequests,
  requestState,
}: Fields): boolean {
  const isDone = inputRequests === undefined && requestState === undefined;
  return isError !== true && resultType === 'complete' && isDone;
}

/** What comes by a transport may be anything. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
