import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A dated set of what a revision of the specification requires. */
export type Revision = '2025-11-25' | '2026-07-28';

/** What one check of a scenario came to. */
export interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

/** Checks by the name of their scenario. */
export type Checks = ReadonlyMap<string, readonly Check[]>;

const CONFORMANCE = path.join(
  path.dirname(
    createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'),
  ),
  'dist/index.js',
);
/** `server-` before the name of a scenario, the time behind it. */
const RESULTS = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

/**
 * Runs the suite against a server.
 *
 * @param node - a Node of version 22 or newer, which the suite needs
 * @throws (rejects with) what the suite wrote where it left no results
 */
export async function runSuite(node: string, url: string, revision: Revision): Promise<Checks> {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-conformance-'));
  try {
    const suite = spawn(
      node,
      [CONFORMANCE, 'server', '--url', url, '--requirements', revision, '-o', folder],
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder },
    );
    let written = '';
    for (const stream of [suite.stdout, suite.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (written += text));
    }
    await once(suite, 'close');
    const checks = readResults(folder);
    if (checks.size === 0) throw new Error(`the suite left no results:\n${written}`);
    return checks;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readResults(folder: string): Checks {
  const checks = new Map<string, readonly Check[]>();
  for (const name of readdirSync(folder).toSorted()) {
    const scenario = RESULTS.exec(name)?.[1];
    if (scenario === undefined) continue;
    const text = readFileSync(path.join(folder, name, 'checks.json'), 'utf8');
    checks.set(scenario, JSON.parse(text) as Check[]);
  }
  return checks;
}
