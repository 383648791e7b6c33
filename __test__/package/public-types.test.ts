import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { ROOT } from '../support/run-program.ts';

/** Statements that bring in another module; examples in comments begin otherwise. */
const IMPORTS = /^(?:import|export) [^;]*?from '([^']+)'/gm;

/** The declarations that an entry leads to, with what each imports. */
function reachedFrom(entry: string): Map<string, readonly string[]> {
  const reached = new Map<string, readonly string[]>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    const names = [...readFileSync(file, 'utf8').matchAll(IMPORTS)].map(([, name = '']) => name);
    reached.set(file, names);
    for (const name of names.filter((one) => one.startsWith('.'))) {
      visit(path.resolve(path.dirname(file), name.replace(/\.ts$/, '.d.ts')));
    }
  };
  visit(path.join(ROOT, entry));
  return reached;
}

describe('public types of mcp-granary/mcp', () => {
  it('name neither SDK: a program may have only one of them [SDK-TYPES]', () => {
    const reached = reachedFrom('dist/mcp/index.d.ts');
    expect(reached.size).toBeGreaterThan(20);
    const naming = [...reached].filter(([, names]) =>
      names.some((name) => name.startsWith('@modelcontextprotocol/')),
    );
    expect(naming.map(([file]) => path.relative(ROOT, file))).toEqual([]);
  });
});
