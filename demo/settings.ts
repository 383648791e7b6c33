import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What the demo was asked for. */
export interface Settings {
  readonly reportFile: string;
  readonly jsonFile: string | undefined;
  /** Folder of the documents. */
  readonly root: string;
  /** Where the servers with granary find them instead. */
  readonly granaryRoot: string;
}

/** Below it are node_modules, and the command as set-up has built it. */
export const PROJECT = path.dirname(fileURLToPath(import.meta.resolve('mcp-granary/package.json')));

export const HELP = `Usage: npm run demo -- [options]

Serves the READMEs, licences and notices below node_modules by MCP over stdio, with the SDK's
own server and client, without and with granary; compares every answer and the time of it,
checks what granary promises, and writes a report. Ends with code 0 if all checks pass, else 1.

  --report FILE         where the report goes (demo-report.html)
  --json FILE           also write all figures and checks as JSON
  --files DIR           serve the READMEs, licences and notices below DIR instead
  --granary-files DIR   have the servers with granary read from DIR instead, so that a check
                        fails where its files differ
  --help
`;

/** @throws Error that says what is wrong with an option */
export function readSettings(args: readonly string[]): Settings | 'help' {
  const option = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      report: option,
      json: option,
      files: option,
      'granary-files': option,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const root = folder('--files', values.files ?? path.join(PROJECT, 'node_modules'));
  return {
    reportFile: file('--report', values.report ?? 'demo-report.html'),
    jsonFile: values.json === undefined ? undefined : file('--json', values.json),
    root,
    granaryRoot: folder('--granary-files', values['granary-files'] ?? root),
  };
}

function folder(option: string, given: string): string {
  const resolved = path.resolve(given);
  if (given !== '' && statSync(resolved, { throwIfNoEntry: false })?.isDirectory()) return resolved;
  throw new Error(`${option} must be a folder, got ${JSON.stringify(given)}`);
}

/** Looked at before a minute's work, not after it. */
function file(option: string, given: string): string {
  const resolved = path.resolve(given);
  const isFolder = statSync(resolved, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (given !== '' && !isFolder && existsSync(path.dirname(resolved))) return resolved;
  throw new Error(`${option} must be a file in a folder that exists, got ${JSON.stringify(given)}`);
}
