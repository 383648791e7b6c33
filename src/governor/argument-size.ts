import { HeapEstimate } from '../cache/heap-estimate.ts';
import type { ToolTask } from './execution.ts';

/**
 * Estimates the bytes of what a task is given: of a module task its arguments, by a walk whose visits are bounded and that
 * runs no code of theirs; of a function, which holds what it is given where nobody sees it, 0.
 */
export function argumentBytesOf(task: ToolTask<unknown>): number {
  if (typeof task === 'function' || !Array.isArray(task.args)) return 0;
  return new HeapEstimate().of(task.args);
}
