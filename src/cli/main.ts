#!/usr/bin/env node
import { GranaryError } from '../errors.ts';
import { CommandError } from './command-error.ts';
import { packageVersion } from './manifest.ts';
import { PROXY_HELP, readProxySettings } from './proxy-settings.ts';
import { readServeSettings, SERVE_HELP } from './serve-settings.ts';
import { StandardOutput } from './standard-output.ts';
import { Termination } from './termination.ts';
import { readTopSettings, TOP_HELP } from './top-settings.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: granary COMMAND

  serve DIR    serve the files below DIR as MCP resources
  proxy        stand in front of an MCP server, and cache what it answers
  top          watch the tools and caches of a running server

  --help, --version

granary COMMAND --help tells more.
`;

/** What was typed is what is wrong. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'ERR_GRANARY_BAD_OPTION',
  'ERR_GRANARY_BAD_TEMPLATE',
]);

const USAGES = [
  'serve DIR [options]',
  'proxy [options] -- COMMAND',
  'top [NAME|PID] [options]',
] as const;

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
    case 'proxy': {
      const termination = new Termination();
      const settings = readProxySettings(args);
      if (settings === 'help') return print(PROXY_HELP);
      if (settings === 'version') return print(`${packageVersion()}\n`);
      const { proxy } = await import('./proxy.ts');
      return proxy(settings, termination);
    }
    case 'top': {
      const termination = new Termination();
      const settings = readTopSettings(args);
      if (settings === 'help') return print(TOP_HELP);
      if (settings === 'version') return print(`${packageVersion()}\n`);
      const { top } = await import('./top.ts');
      return top(settings, termination, new StandardOutput());
    }
    case '--help':
    case '-h':
    case 'help':
      return print(HELP);
    case '--version':
      return print(`${packageVersion()}\n`);
    case undefined:
      throw new UsageError('a command is missing, known are serve, proxy, top');
    default:
      throw new UsageError(
        `unknown command ${JSON.stringify(command)}, known are serve, proxy, top`,
      );
  }
}

function print(text: string): Promise<void> {
  return new StandardOutput().write(text);
}

/** @returns the exit code */
function report(error: unknown, command: string | undefined): number {
  const isUsage =
    error instanceof UsageError || (error instanceof GranaryError && USAGE_CODES.has(error.code));
  if (isUsage) {
    const usage = USAGES.find((one) => one.split(' ')[0] === command) ?? USAGES[0];
    const help = `Usage: granary ${usage}; granary ${usage.split(' ')[0]} --help tells more.`;
    process.stderr.write(`granary: ${error.message}\n${help}\n`);
    return 2;
  }
  if (error instanceof CommandError) {
    process.stderr.write(`granary: ${error.message}\n`);
    return error.exitCode;
  }
  const text =
    error instanceof GranaryError || !(error instanceof Error) ? String(error) : error.stack;
  process.stderr.write(`granary: ${text}\n`);
  return 1;
}

// Nobody reads the log any more: that is no reason to end.
process.stderr.on('error', () => {});

const args = process.argv.slice(2);
try {
  await run(args);
} catch (error) {
  process.exitCode = report(error, args[0]);
}
