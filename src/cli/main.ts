#!/usr/bin/env node
import { GranaryError } from '../errors.ts';
import { packageVersion } from './manifest.ts';
import { readServeSettings, SERVE_HELP } from './serve-settings.ts';
import { Termination } from './termination.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: granary COMMAND

  serve DIR    serve the files below DIR as MCP resources

  --help, --version

granary COMMAND --help tells more.
`;

async function run([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case 'serve': {
      // Before anything takes time: a signal is to be heard from the beginning.
      const termination = new Termination();
      const settings = readServeSettings(args);
      if (settings === 'help') return print(SERVE_HELP);
      if (settings === 'version') return print(`${packageVersion()}\n`);
      const { serve } = await import('./serve.ts');
      return serve(settings, termination);
    }
    case '--help':
    case '-h':
    case 'help':
      return print(HELP);
    case '--version':
      return print(`${packageVersion()}\n`);
    case undefined:
      throw new UsageError('a command is missing, known is serve');
    default:
      throw new UsageError(`unknown command ${JSON.stringify(command)}, known is serve`);
  }
}

function print(text: string): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Who closed the pipe has read enough.
    if (error.code === 'EPIPE') return;
    process.stderr.write(`granary: the output failed: ${error.message}\n`);
    process.exitCode = 1;
  });
  process.stdout.write(text);
}

/** @returns the exit code */
function report(error: unknown): number {
  const isUsage =
    error instanceof UsageError ||
    (error instanceof GranaryError && error.code === 'ERR_GRANARY_BAD_OPTION');
  if (isUsage) {
    process.stderr.write(
      `granary: ${error.message}\nUsage: granary serve DIR [options]; granary serve --help tells more.\n`,
    );
    return 2;
  }
  const text =
    error instanceof GranaryError || !(error instanceof Error) ? String(error) : error.stack;
  process.stderr.write(`granary: ${text}\n`);
  return 1;
}

// Nobody reads the log any more: that is no reason to end.
process.stderr.on('error', () => {});

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
