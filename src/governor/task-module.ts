import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeValue } from '../describe-value.ts';
import { badOption } from '../options.ts';
import type { ModuleTask, TaskContext } from './execution.ts';

/** The function that a module task names. */
export type TaskFunction = (...args: readonly unknown[]) => unknown;

/** @returns the URL by which any thread or process can import a module. */
export function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href;
  const allowed = 'a URL or an absolute path of an ES module';
  if (typeof module !== 'string' || module === '') badOption('task.module', module, allowed);
  if (path.isAbsolute(module)) return pathToFileURL(module).href;
  if (!URL.canParse(module)) badOption('task.module', module, allowed);
  return module;
}

/** Throws `ERR_GRANARY_BAD_OPTION` unless `task` is a module task. */
export function checkModuleTask(task: unknown): asserts task is ModuleTask {
  if (typeof task !== 'object' || task === null || !('module' in task)) {
    badOption('task', task, 'an object { module, export, args } where it does not run inline');
  }
  const { module, export: name, args, transfer } = task as Partial<ModuleTask>;
  moduleUrl(module);
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    badOption('task.export', name, 'a non-empty string');
  }
  if (args !== undefined && !Array.isArray(args)) badOption('task.args', args, 'an array');
  if (transfer !== undefined && !Array.isArray(transfer)) {
    badOption('task.transfer', transfer, 'an array');
  }
}

/** Imports the module of a task and calls its function with the arguments, and the context after them. */
export async function runModuleTask(task: ModuleTask, context: TaskContext): Promise<unknown> {
  const name = task.export ?? 'default';
  const loaded = (await import(moduleUrl(task.module))) as Readonly<Record<string, unknown>>;
  const run = loaded[name];
  if (typeof run !== 'function') {
    badOption(
      'task.export',
      name,
      `the name of a function that the module exports, it is ${describeValue(run)}`,
    );
  }
  return await (run as TaskFunction)(...(task.args ?? []), context);
}
