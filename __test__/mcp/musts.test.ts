import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from '../support/run-program.ts';
import { runningTitles } from '../support/test-titles.ts';
import { MUSTS } from './musts/all.ts';
import type { Must } from './musts/must.ts';

const titles = new Map<string, readonly string[]>();

function titlesOf(file: string): readonly string[] {
  const known = titles.get(file) ?? runningTitles(path.join(ROOT, '__test__', file));
  titles.set(file, known);
  return known;
}

it('each MUST is held by one running test, or by the official suite, or left to somebody [SPEC-MUSTS]', () => {
  for (const { section, must, test, scenario, left } of MUSTS) {
    const what = `${section}: ${must}`;
    expect([test, scenario, left].filter(Boolean), what).toHaveLength(1);
    if (test === undefined) continue;
    const [file, beginning] = test;
    const found = titlesOf(file).filter((title) => title.startsWith(beginning));
    expect(found, `${what}: '${beginning}' in ${file}`).toHaveLength(1);
  }
});

it('each scenario that holds a MUST is one of the official suite [SPEC-MUSTS]', () => {
  const entry = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
  const source = readFileSync(path.join(ROOT, entry), 'utf8');
  const scenarios = MUSTS.flatMap(({ scenario }) => scenario ?? []);
  expect(scenarios.filter((scenario) => !source.includes(`name=\`${scenario}\``))).toEqual([]);
});

it('each MUST has a test of its own [SPEC-MUSTS]', () => {
  const tests = MUSTS.flatMap(({ test }) => test?.join(': ') ?? []);
  expect(tests.filter((test, at) => tests.indexOf(test) !== at)).toEqual([]);
});

it('no MUST is listed twice [SPEC-MUSTS]', () => {
  const names = MUSTS.map(({ section, must }) => `${section}: ${must}`);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

it('the documentation counts the MUSTs as they are listed [SPEC-MUSTS]', () => {
  const document = readFileSync(path.join(ROOT, 'docs/mcp-revisions.md'), 'utf8');
  const count = (key: keyof Must): number => MUSTS.filter((must) => must[key] !== undefined).length;
  expect(document).toContain(
    `${MUSTS.length} rows: ${count('test')} held by our tests, ${count('scenario')} by the official suite, ` +
      `${count('left')} left to others.`,
  );
});
