import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A program to be run to its end. */
export interface ChildCall {
  readonly program: string;
  readonly args: readonly string[];
  /** What it reads from stdin; nothing, where left out. */
  readonly input?: Iterable<Buffer>;
}

const running = new Set<ChildProcess>();

/** From here on no child outlives this process, unless it is killed without warning. */
export function endChildrenWithThisProcess(): void {
  process.once('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
}

/**
 * @param name - stands in front of what goes wrong
 * @returns what the program writes to stdout
 */
export async function childOutput(name: string, call: ChildCall): Promise<string> {
  const { program, args, input = [] } = call;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  try {
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    // A child that ends before it has read all says on stderr why.
    const fed = pipeline(Readable.from(input), child.stdin).catch(() => {});
    const [[code, signal]] = await Promise.all([ended, fed]);
    if (code === 0) return stdout;
    throw new Error(`it ended with ${signal ?? code}\n${stderr.trimEnd()}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: ${reason}`, { cause: error });
  } finally {
    running.delete(child);
  }
}
