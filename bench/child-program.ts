import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a program has ended. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
let isWatching = false;

/** However this process ends, but by SIGKILL, its children end with it. */
function watchOwnEnd(): void {
  if (isWatching) return;
  isWatching = true;
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
  for (const [signal, code] of Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 })) {
    process.once(signal, () => process.exit(code));
  }
}

/**
 * Runs one of the bench's programs in a process of its own and waits for its end, good or bad.
 *
 * A process that aborts leaves no core file.
 *
 * @param flags of Node
 */
export function runProgram(
  program: URL,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<ProgramEnd> {
  watchOwnEnd();
  const command = [process.execPath, ...flags, fileURLToPath(program), ...args];
  const isWindows = process.platform === 'win32';
  const [file = '', ...rest] = isWindows
    ? command
    : ['/bin/sh', '-c', 'ulimit -c 0; exec "$@"', 'sh', ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running.delete(child);
      const [said, complained] = [stdout, stderr].map((chunks) => Buffer.concat(chunks).toString());
      resolve({ code, signal, stdout: said ?? '', stderr: complained ?? '' });
    });
  });
}

/**
 * Runs a program that must end well.
 *
 * @returns its last line, which is JSON
 * @throws with what it said on stderr
 */
export async function runForFigures<T>(
  program: URL,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<T> {
  const { code, signal, stdout, stderr } = await runProgram(program, args, flags);
  if (code === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
  throw new Error(`${args.join(' ')} ended with ${signal ?? `code ${code}`}:\n${stderr.trim()}`);
}
