import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How a bench has ended. */
export interface BenchEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a bench in a process of its own, to its end, with this one's output.
 *
 * A signal that this process gets goes on to the bench; this process ends with it.
 */
export function runBench(name: string, args: readonly string[]): Promise<BenchEnd> {
  const program = fileURLToPath(new URL(`../${name}/main.js`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    let ending: NodeJS.Signals | undefined;
    const forward = (signal: NodeJS.Signals): void => {
      ending ??= signal;
      // A terminal has sent ^C to the whole group already; a second one would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const killNow = (): void => void child.kill('SIGKILL');
    for (const signal of FORWARDED) process.on(signal, forward);
    process.once('exit', killNow);
    const settle = (): void => {
      for (const signal of FORWARDED) process.off(signal, forward);
      process.off('exit', killNow);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      settle();
      if (ending !== undefined) process.exit(128 + constants.signals[ending]);
      resolve({ code, signal });
    });
  });
}
