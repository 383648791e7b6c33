import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import spawn from 'cross-spawn';

import type { Logger } from '../logger.ts';
import { BackOff } from './back-off.ts';
import { MessageLines, responseIdOf } from './message-lines.ts';
import { parseMessages, type Message } from './message.ts';
import { endTree } from './process-end.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Upstream, UpstreamListener } from './upstream.ts';

/** How a server is run as a child process. */
export interface ChildUpstreamOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly maxMessageBytes: number;
  /** Delays before it is started again: doubled from the first to the longest, in ms. */
  readonly restartDelayMs: number;
  readonly longestRestartDelayMs: number;
  /** Is told of each process, to measure and limit it. @returns what lets go of it */
  readonly govern: (child: ChildProcess) => () => void;
  readonly logger: Logger;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** One that has run for this long did not end for the reason for which it was started again. */
const STEADY_MS = 10_000;
/** One that has never said anything is not started more often than this. */
const MAX_SILENT_STARTS = 5;
/** How much may wait for a child that does not read. */
const MAX_UNREAD_BYTES = 1_048_576;
const MAX_LOG_LINE_BYTES = 16_384;

/** A server as a child process, over its stdin and stdout; one that ends is started again. */
export class ChildUpstream implements Upstream {
  readonly #options: ChildUpstreamOptions;
  readonly #backOff: BackOff;
  #listener!: UpstreamListener;
  #child: Child | undefined;
  /** Of the child that runs: what ends with it. */
  #release: () => void = () => {};
  #startedAtMs = 0;
  #silentStarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #isAgain = false;
  #isPaused = false;
  #isClosed = false;
  /** What still ends. */
  readonly #endings = new Set<Promise<void>>();

  constructor(options: ChildUpstreamOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.restartDelayMs, options.longestRestartDelayMs);
  }

  open(listener: UpstreamListener): void {
    this.#listener = listener;
    this.#start();
  }

  send(message: Message): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) return;
    stdin.write(`${message.text}\n`);
  }

  get isClogged(): boolean {
    return (this.#child?.stdin.writableLength ?? 0) > MAX_UNREAD_BYTES;
  }

  pause(): void {
    this.#isPaused = true;
    this.#child?.stdout.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#child?.stdout.resume();
  }

  restart(reason: string): void {
    const child = this.#child;
    if (child === undefined) return;
    this.#options.logger.warn('the upstream is started again', { reason });
    this.#end(child);
  }

  async close(): Promise<void> {
    clearTimeout(this.#restartTimer);
    if (!this.#isClosed && this.#child !== undefined) this.#end(this.#child);
    this.#isClosed = true;
    await Promise.all(this.#endings);
  }

  #end(child: Child): void {
    const ending = endTree(child).finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  #start(): void {
    const { command, args, logger } = this.#options;
    this.#silentStarts++;
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // In a group of its own: it ends with all that it has started, and not by Ctrl+C, which is for
      // the proxy to hear.
      detached: process.platform !== 'win32',
      windowsHide: true,
    }) as Child;
    if (child.pid !== undefined) this.#child = child;
    child.once('error', (error) => {
      if (child.pid === undefined) this.#ended(child, `it cannot be started: ${error.message}`);
      else logger.warn('the upstream failed', { error: error.message });
    });
    child.once('spawn', () => {
      if (this.#isClosed) return;
      logger.info('the upstream has started', { pid: child.pid });
      this.#release = this.#options.govern(child);
      this.#startedAtMs = performance.now();
      this.#listen(child);
      this.#listener.up(this.#isAgain);
      this.#isAgain = true;
    });
  }

  #listen(child: Child): void {
    const { maxMessageBytes, logger } = this.#options;
    const lines = new MessageLines(
      maxMessageBytes,
      (line) => this.#take(line),
      (line) => {
        const reason = `a message of ${line.bytes} bytes is longer than ${maxMessageBytes}`;
        logger.warn('a line of the upstream was dropped', { reason });
        const id = responseIdOf(line);
        if (id === undefined) return;
        const error = new UpstreamError(`The upstream's answer is too large: ${reason}`);
        this.#listener.failed(id, error, false);
      },
    );
    const stderr = new MessageLines(
      MAX_LOG_LINE_BYTES,
      (line) => logger.info('upstream', { pid: child.pid, line }),
      ({ head, bytes }) => logger.info('upstream', { pid: child.pid, line: head, bytes }),
    );
    child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
    if (this.#isPaused) child.stdout.pause();
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('drain', () => this.#listener.drained());
    for (const stream of [child.stdin, child.stdout, child.stderr]) {
      // The end of the child tells all there is to tell.
      stream.on('error', () => {});
    }
    // Once its streams are read to the end: its last answers count.
    child.once('close', (code, signal) => {
      this.#ended(child, signal === null ? `it ended with code ${code}` : `${signal} ended it`);
    });
    // What it has started may hold its streams open.
    child.once('exit', () => {
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 1_000);
      child.once('close', () => clearTimeout(timer));
    });
  }

  #take(line: string): void {
    const { logger } = this.#options;
    let messages: readonly Message[];
    try {
      messages = parseMessages(line);
    } catch (error) {
      const { message } = error as Error;
      logger.warn('a line of the upstream was ignored', {
        reason: message,
        line: line.slice(0, 200),
      });
      return;
    }
    this.#silentStarts = 0;
    for (const message of messages) this.#listener.message(message, {});
  }

  #ended(child: Child, reason: string): void {
    this.#release();
    this.#release = () => {};
    this.#child = undefined;
    // Whatever it has started ends with it.
    this.#end(child);
    if (this.#isClosed) return;
    const { logger } = this.#options;
    const isFinal = this.#silentStarts >= MAX_SILENT_STARTS || child.pid === undefined;
    if (performance.now() - this.#startedAtMs >= STEADY_MS) this.#backOff.reset();
    const delayMs = this.#backOff.next();
    if (isFinal) logger.error('the upstream is given up', { reason });
    else logger.warn('the upstream has ended and is started again', { reason, delayMs });
    this.#listener.down(`the upstream is away: ${reason}`, isFinal);
    if (isFinal) return;
    this.#restartTimer = setTimeout(() => this.#start(), delayMs);
  }
}
