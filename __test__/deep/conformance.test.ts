import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MUSTS } from '../mcp/musts/all.ts';
import { runProgram, type ProgramEnd } from '../support/run-program.ts';

interface ReportRow {
  readonly server: string;
  readonly revision: string;
  readonly baseline: string | null;
  readonly failed: number;
  readonly faults: readonly object[];
  readonly checks: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

describe('the conformance suite', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-conformance-report-'));
  let end: ProgramEnd;
  let report: readonly ReportRow[];

  beforeAll(async () => {
    const file = path.join(folder, 'report.json');
    const program = '.setup/programs/conformance/main.js';
    end = await runProgram(process.execPath, [program, '--json', file]);
    report = JSON.parse(readFileSync(file, 'utf8')) as ReportRow[];
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('fails nothing with granary, or behind the proxy, that the bare server passes [CONFORMANCE-SUITE]', () => {
    expect(report.map(({ server, revision }) => `${revision} ${server}`)).toEqual([
      ...['2025-11-25 v1 bare', '2025-11-25 v1 granary', '2025-11-25 proxy → v1'],
      ...['2025-11-25 v2 bare', '2025-11-25 v2 granary', '2025-11-25 proxy → v2'],
      ...['2026-07-28 v2 bare', '2026-07-28 v2 granary', '2026-07-28 proxy → v2'],
    ]);
    expect(Object.fromEntries(report.map(({ server, faults }) => [server, faults]))).toEqual(
      Object.fromEntries(report.map(({ server }) => [server, []])),
    );
    expect(end, end.stderr).toMatchObject({ code: 0 });
  });

  it('passes all of resources and caching [CONFORMANCE-RESOURCES]', () => {
    for (const { server, revision, checks } of report) {
      const scenarios = Object.keys(checks).filter((name) => /^resources-|^caching$/.test(name));
      expect(scenarios).toHaveLength(revision === '2025-11-25' ? 6 : 5);
      for (const scenario of scenarios) {
        for (const [check, status] of Object.entries(checks[scenario]!)) {
          const what = `${revision} ${server}: ${scenario} / ${check}`;
          expect(['SUCCESS', 'INFO'], what).toContain(status);
        }
      }
    }
  });

  it('passes each scenario that the list of MUSTs names [CONFORMANCE-SUITE]', () => {
    const named = MUSTS.filter(({ scenario }) => scenario !== undefined);
    expect(named.length).toBeGreaterThan(0);
    for (const { server, revision, baseline, checks } of report) {
      if (baseline === null) continue;
      for (const { section, scenario } of named) {
        if (!section.includes(revision)) continue;
        const statuses = Object.values(checks[scenario!] ?? {});
        const what = `${revision} ${server}: ${scenario}`;
        expect(statuses.length, what).toBeGreaterThan(0);
        expect(statuses.filter((status) => status !== 'SUCCESS' && status !== 'INFO')).toEqual([]);
      }
    }
  });
});
