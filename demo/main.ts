/**
 * What granary does for an MCP server, on real input: servers in processes of their own, the SDK's
 * client, the documents of the packages below node_modules. `--help` tells the options.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { machine } from '../bench/report.ts';
import { checkLine } from './check.ts';
import { formatTable } from './console-table.ts';
import { demonstrate, type Demonstration } from './demonstration.ts';
import { GOVERNED_HEADER, governedRows } from './governed-act.ts';
import { ONE_LINE_HEADER, oneLineRows } from './one-line-act.ts';
import { method, remarks, threadRemarks } from './remarks.ts';
import { PROXIED_HEADER, proxiedRows } from './proxied-act.ts';
import { reportPage } from './report/page.ts';
import { RESULT_HEADER, RESULT_LEFT_COLUMNS, resultRows } from './result-table.ts';
import { HELP, readSettings, type Settings } from './settings.ts';
import { THREAD_HEADER, threadRows } from './thread-act.ts';

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

function settingsOrExit(): Settings {
  try {
    const settings = readSettings(process.argv.slice(2));
    if (settings !== 'help') return settings;
    process.stdout.write(HELP);
    return process.exit(0);
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message}\n\n${HELP}`);
    return process.exit(2);
  }
}

function print(demonstration: Demonstration): void {
  const { measurements, checks, acts } = demonstration;
  if (measurements.length > 0) {
    console.log(method(demonstration).join('\n'));
    console.log(`\n${formatTable(RESULT_HEADER, resultRows(measurements), RESULT_LEFT_COLUMNS)}\n`);
    console.log(remarks(demonstration).join('\n'));
    console.log();
  }
  if (acts !== undefined) {
    const { oneLine, threads, governed, proxied } = acts;
    console.log(`${formatTable(ONE_LINE_HEADER, oneLineRows(oneLine), 1)}\n`);
    console.log(`${formatTable(THREAD_HEADER, threadRows(threads), 1)}\n`);
    console.log(`${threadRemarks(threads).join('\n')}\n`);
    console.log(`${formatTable(GOVERNED_HEADER, governedRows(governed), 1)}\n`);
    console.log(`${formatTable(PROXIED_HEADER, proxiedRows(proxied), 1)}\n`);
  }
  console.log(checks.map(checkLine).join('\n'));
  const failed = checks.filter(({ holds }) => !holds).length;
  console.log(failed === 0 ? `all ${checks.length} checks hold` : `${failed} FAILED`);
}

async function writeResults(settings: Settings, demonstration: Demonstration): Promise<void> {
  const { measurements, checks, freshMs, acts, documents } = demonstration;
  if (settings.jsonFile !== undefined) {
    const { sizeBytes, medianReadMs } = documents;
    const meta = { ...machine(), documents: documents.documents.length, sizeBytes, medianReadMs };
    const json = JSON.stringify({ meta, checks, measurements, freshMs, ...acts }, null, 2);
    await writeFile(settings.jsonFile, `${json}\n`);
  }
  await writeFile(settings.reportFile, reportPage(demonstration));
  const relative = path.relative('', settings.reportFile);
  console.log(`report: ${relative.startsWith('..') ? settings.reportFile : relative}`);
}

const settings = settingsOrExit();
const interruption = new AbortController();
// A second one ends the process at once; its servers end with their input.
for (const [signal, code] of Object.entries(EXIT_CODES)) {
  process.once(signal, () => {
    process.exitCode = code;
    interruption.abort(new Error(`ended by ${signal}`));
  });
}
// Whoever reads the table may have gone, as `head` does.
process.stdout.on('error', () => {});
try {
  const demonstration = await demonstrate(settings, interruption.signal);
  interruption.signal.throwIfAborted();
  print(demonstration);
  await writeResults(settings, demonstration);
  if (demonstration.checks.some(({ holds }) => !holds)) process.exitCode = 1;
} catch (error) {
  if (!interruption.signal.aborted) {
    process.stderr.write(`demo: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
