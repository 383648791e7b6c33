import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, expect } from 'vitest';

import { ROOT } from './run-program.ts';

/** The command as set-up has built it. */
export const GRANARY = path.join(ROOT, 'dist/cli/main.js');

/** How long a test waits for what must happen; far above what it takes. */
const PATIENCE_MS = 10_000;

/** Waits until `look` gives anything but `undefined`; says what was waited for where it never does. */
export async function until<T>(
  what: string,
  look: () => T | undefined,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) expect.fail(`waited in vain for ${what}`);
    await delay(5);
  }
}

/** What a process was started with, and everything it has said. */
export class RunningCommand {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<unknown[]>;

  constructor(args: readonly string[], entry: string = GRANARY) {
    this.child = spawn(process.execPath, [entry, ...args], { stdio: 'pipe' });
    this.child.stdout.setEncoding('utf8').on('data', (chunk: string) => (this.stdout += chunk));
    this.child.stderr.setEncoding('utf8').on('data', (chunk: string) => (this.stderr += chunk));
    // A test may close what the child still writes to, or the other way round.
    for (const stream of [this.child.stdin, this.child.stdout, this.child.stderr]) {
      stream.on('error', () => {});
    }
    this.#ended = once(this.child, 'close');
  }

  /** The JSON-RPC messages on stdout so far. Fails on anything else there. */
  messages(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n');
    lines.pop(); // what follows the last line break
    return lines.map((line) => {
      const message = JSON.parse(line) as Record<string, unknown>;
      expect(message).toMatchObject({ jsonrpc: '2.0' });
      return message;
    });
  }

  send(message: object): void {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** Sends a request and waits for its answer. */
  async request(
    id: number | string,
    method: string,
    params: object = {},
  ): Promise<Record<string, unknown>> {
    this.send({ id, method, params });
    return this.answer(id);
  }

  answer(id: number | string): Promise<Record<string, unknown>> {
    return until(`the answer ${id}`, () => {
      const answer = this.messages().find((message) => message['id'] === id);
      if (answer === undefined && this.child.exitCode !== null) {
        expect.fail(`the command ended with ${this.child.exitCode}: ${this.stderr}`);
      }
      return answer;
    });
  }

  async initialize(): Promise<void> {
    await this.request('initialize', 'initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    });
    this.send({ method: 'notifications/initialized' });
  }

  /** Waits until stderr has what matches. */
  logged(pattern: RegExp, withinMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const look = () => pattern.exec(this.stderr) ?? undefined;
    return until(`${pattern} in ${this.stderr}`, look, withinMs);
  }

  /** Waits for the end, at most `withinMs`. @returns the exit code, and the signal that ended it */
  async end(withinMs: number = PATIENCE_MS): Promise<readonly unknown[]> {
    const timer = new AbortController();
    try {
      return await Promise.race([
        this.#ended,
        delay(withinMs, undefined, { signal: timer.signal }).then(() =>
          expect.fail(`the command has not ended within ${withinMs} ms: ${this.stderr}`),
        ),
      ]);
    } finally {
      timer.abort();
    }
  }
}

/** Folders and processes of one test file; what a test leaves behind is removed after it. */
export function commandFixture() {
  const folders: string[] = [];
  const running: RunningCommand[] = [];

  afterEach(async () => {
    for (const command of running.splice(0)) {
      command.child.kill('SIGKILL');
      await command.end();
    }
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  return {
    /** A new folder with these files, by its real path. */
    folder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
      const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-serve-')));
      folders.push(folder);
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
        writeFileSync(path.join(folder, name), content);
      }
      return folder;
    },

    run(...args: string[]): RunningCommand {
      const command = new RunningCommand(args);
      running.push(command);
      return command;
    },

    /** Runs the command under another path than the built one. */
    runAt(entry: string, ...args: string[]): RunningCommand {
      const command = new RunningCommand(args, entry);
      running.push(command);
      return command;
    },
  };
}
