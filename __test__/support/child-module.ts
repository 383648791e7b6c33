import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect } from 'vitest';

import { ROOT, runProgram } from './run-program.ts';

/** URL of a built module, for children: Node 20 runs no TypeScript. */
export function builtUrl(module: string): string {
  return pathToFileURL(path.join(ROOT, 'dist', module)).href;
}

/** The package as it is built. */
export const PACKAGE_URL = builtUrl('index.js');

/**
 * Runs a module in a Node process of its own and waits for its end, which must be a good one.
 *
 * @param source an ES module that prints one line of JSON last
 * @param node the binary; this one's by default
 * @returns what it printed
 */
export async function runModule<T>(
  source: string,
  flags: readonly string[] = [],
  node: string = process.execPath,
): Promise<T> {
  const end = await runProgram(node, [...flags, '--input-type=module', '--eval', source]);
  expect(end, end.stderr).toMatchObject({ code: 0, signal: null });
  return JSON.parse(end.stdout.trim().split('\n').at(-1)!) as T;
}
