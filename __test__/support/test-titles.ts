import { readFileSync } from 'node:fs';

import ts from 'typescript';

/** What does not run, or runs only sometimes. */
const NOT_RUN = new Set(['skip', 'skipIf', 'runIf', 'todo', 'fails']);

/** The names of a callee from its root: `it.each(rows)` is `it`, `each`. */
function wordsOf(callee: ts.Expression): string[] {
  if (ts.isIdentifier(callee)) return [callee.text];
  if (ts.isPropertyAccessExpression(callee))
    return [...wordsOf(callee.expression), callee.name.text];
  if (ts.isCallExpression(callee)) return wordsOf(callee.expression);
  return [];
}

/** The titles of the tests that a file has and runs, as they are written. */
export function runningTitles(file: string): string[] {
  return titlesIn(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
}

function titlesIn(node: ts.Node): string[] {
  if (!ts.isCallExpression(node)) return childTitles(node);
  const [root = '', ...more] = wordsOf(node.expression);
  const isSuite = root === 'describe';
  const isTest = root === 'it' || root === 'test';
  // What a suite that does not run has in it does not run either.
  if ((isSuite || isTest) && more.some((word) => NOT_RUN.has(word))) return [];
  const [title] = node.arguments;
  // `it.each(rows)` alone is no test yet.
  const isDefined = isTest && node.arguments.length > 1 && title !== undefined;
  if (isDefined && ts.isStringLiteralLike(title)) return [title.text];
  return childTitles(node);
}

function childTitles(node: ts.Node): string[] {
  const titles: string[] = [];
  ts.forEachChild(node, (child) => void titles.push(...titlesIn(child)));
  return titles;
}
