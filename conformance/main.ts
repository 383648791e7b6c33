/**
 * The official conformance suite against a server of the SDK by itself, with granary, and behind
 * `granary proxy`, for the revisions that the SDK speaks.
 *
 * The code is 1 where a server fails a check that it passes without granary, or any check of
 * resources and caching.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { nodeBinary } from './node-binary.ts';
import { ROWS } from './rows.ts';
import { runSuite, type Checks } from './suite-run.ts';
import { faultsOf, tally } from './verdict.ts';

/** The suite needs Node 22; this one is used where the machine's own is older. */
const NODE_MAJOR = '24';

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const [major = '0'] = process.versions.node.split('.', 1);
const node = Number(major) >= 22 ? process.execPath : await nodeBinary(NODE_MAJOR);

const baselines = new Map<string, Checks>();
const report: object[] = [];
for (const { name, revision, baseline, serve } of ROWS) {
  await using served = await serve();
  const checks = await runSuite(node, served.url, revision);
  baselines.set(`${revision} ${name}`, checks);
  const faults = faultsOf(checks, baselines.get(`${revision} ${baseline ?? name}`) ?? new Map());
  const { scenarios, passed, failed, warned } = tally(checks);
  console.log(
    `${revision}  ${name.padEnd(12)} ${scenarios} scenarios, ${passed} checks passed, ` +
      `${failed} failed, ${warned} warned, ${faults.length} of them not by the baseline`,
  );
  for (const { scenario, check, message } of faults) {
    console.log(`            ${scenario} / ${check}: ${message}`);
  }
  report.push({
    server: name,
    revision,
    baseline: baseline ?? null,
    ...{ scenarios, passed, failed, warned, faults },
    checks: Object.fromEntries(
      [...checks].map(([scenario, made]) => [
        scenario,
        Object.fromEntries(made.map(({ id, status }) => [id, status])),
      ]),
    ),
  });
  if (faults.length > 0) process.exitCode = 1;
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
