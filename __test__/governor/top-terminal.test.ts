import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { commandFixture, GRANARY, until } from '../support/granary-command.ts';

const SERVER = path.join(import.meta.dirname, 'inspected-server.child.mjs');
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** Of util-linux: runs a program on a terminal of its own. */
const hasScript = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;

const { folder, runAt } = commandFixture();
const terminals: Terminal[] = [];
const before = process.env['XDG_RUNTIME_DIR'];

beforeEach(() => {
  process.env['XDG_RUNTIME_DIR'] = folder();
});
afterEach(() => {
  for (const terminal of terminals.splice(0)) terminal.script.kill('SIGKILL');
  if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
  else process.env['XDG_RUNTIME_DIR'] = before;
});

/** `granary top` on a terminal, and what is on it. */
class Terminal {
  readonly script: ChildProcess;
  /** All that was written on it. */
  text = '';
  exitCode: number | null | undefined;

  constructor(rows: number, columns: number, args: string, env: NodeJS.ProcessEnv = {}) {
    const top = `echo pid $$; exec ${process.execPath} ${GRANARY} top ${args}`;
    const program = `stty rows ${rows} cols ${columns}; tty; sh -c '${top}'; echo code $?; stty -a`;
    // CI too: with it set, Node takes a terminal for one without colours.
    // oxlint-disable-next-line no-unused-vars -- taken out
    const { NO_COLOR, NODE_DISABLE_COLORS, FORCE_COLOR, CI, ...inherited } = process.env;
    this.script = spawn('script', ['-qec', program, '/dev/null'], {
      env: { ...inherited, TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.script.stdout?.setEncoding('utf8').on('data', (piece: string) => (this.text += piece));
    this.script.once('close', (code) => (this.exitCode = code));
    terminals.push(this);
  }

  /** What was drawn, the oldest first, each by its lines. */
  get frames(): string[][] {
    return this.text
      .split('\u001b[H')
      .slice(1)
      .filter((frame) => frame.includes('\u001b[J'))
      .map((frame) => stripVTControlCharacters(frame.split('\u001b[J')[0]!).split(/\r+\n/));
  }

  /** Waits until a frame is drawn that matches, after those that there are. */
  async drawn(pattern: RegExp): Promise<string[]> {
    const known = this.frames.length;
    return until(`${pattern} on the screen, which has\n${this.frames.at(-1)?.join('\n')}`, () =>
      this.frames.slice(known).find((lines) => lines.some((line) => pattern.test(line))),
    );
  }

  type(keys: string): void {
    this.script.stdin?.write(keys);
  }

  get pid(): number {
    return Number(/pid (\d+)/.exec(this.text)?.[1]);
  }

  get device(): string {
    return /\/dev\/\S+/.exec(this.text)![0];
  }

  /** Waits for the end. @returns what was written on the terminal after that */
  async ended(): Promise<string> {
    await until('the end', () => this.exitCode);
    // One leaves it as one has found it: the screen, the cursor, the wrapping of lines, and the mode of its keys.
    const [, after, ...more] = this.text.split(LEAVE);
    expect(more).toEqual([]);
    expect(this.text.indexOf(ENTER)).toBeGreaterThan(0);
    expect(after).toMatch(/[^-]icanon[^]*[^-]echo\b/);
    return after!;
  }
}

async function server(): Promise<ReturnType<typeof runAt>> {
  const command = runAt(SERVER, '{"name":"watched"}');
  await until('the endpoint', () => (command.stdout.includes('"path"') ? true : undefined));
  return command;
}

// Without `script` (bsdutils on Debian, util-linux elsewhere) there is no terminal to draw on.
describe.skipIf(!hasScript)('granary top on a terminal', { timeout: 60_000 }, () => {
  it('draws each interval, what keys choose, and ends with q [TOP-TERMINAL]', async () => {
    const { child } = await server();
    const terminal = new Terminal(16, 120, '--interval 200');
    const first = await terminal.drawn(/^TOOL .*MEMORY, 60 S/);
    expect(first).toHaveLength(16);
    expect(first[0]).toMatch(new RegExp(`^watched {2}pid ${child.pid} `));
    expect(first.at(-1)).toMatch(/^q quit/);
    child.stdin.write(
      `${JSON.stringify({ id: 1, command: 'run', toolId: 'apart', name: 'openFiles', args: ['openSync', 19, 60_000] })}\n`,
    );
    await terminal.drawn(/^apart .* critical +1 .*19\/20/);
    // Red and bold: colours are on.
    // oxlint-disable-next-line no-control-regex -- colours are what it is about
    expect(terminal.text).toMatch(/\u001b\[31m[^\n]*critical/);
    terminal.type('c');
    await terminal.drawn(/CPU, 60 S/);
    terminal.type('m');
    await terminal.drawn(/MEMORY, 60 S/);
    terminal.type('q');
    expect(await terminal.ended()).toMatch(/^code 0\r/);
    expect(terminal.exitCode).toBe(0);
  });

  it('fits a terminal that is resized, and scrolls in one that is too low [TOP-TERMINAL]', async () => {
    await server();
    const terminal = new Terminal(30, 120, '--interval 200');
    await terminal.drawn(/^TOOL +ISOLATION/);
    execFileSync('stty', ['-F', terminal.device, 'rows', '6', 'cols', '44']);
    process.kill(terminal.pid, 'SIGWINCH');
    const small = await terminal.drawn(/^TOOL +STATUS +RUN/);
    for (const line of small) expect(line.length).toBeLessThanOrEqual(44);
    expect(small.some((line) => line.startsWith('pages'))).toBe(false);
    terminal.type('\u001b[B\u001b[B\u001b[B\u001b[B\u001b[B\u001b[B\u001b[B\u001b[B\u001b[B');
    await terminal.drawn(/^pages/);
    terminal.type('\u001b[A\u001b[A\u001b[A\u001b[A\u001b[A\u001b[A\u001b[A\u001b[A\u001b[A');
    await terminal.drawn(/^TOOL/);
    terminal.type('\u0003');
    expect(await terminal.ended()).toMatch(/^code 0\r/);
  });

  it('leaves it as it was where a signal ends it [TOP-TERMINAL]', async () => {
    await server();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const terminal = new Terminal(24, 80, '');
      await terminal.drawn(/^TOOL/);
      process.kill(terminal.pid, signal);
      expect(await terminal.ended()).toMatch(/^code 0\r/);
    }
  });

  it('says that the server has ended, or does not answer [TOP-TERMINAL] [TOP-ENDED]', async () => {
    const command = await server();
    const terminal = new Terminal(24, 80, '--interval 100');
    await terminal.drawn(/^TOOL/);
    command.child.kill('SIGSTOP');
    await terminal.drawn(/^no answer for \d+ s: stopped, or its thread is blocked/);
    command.child.kill('SIGCONT');
    await terminal.drawn(/^q quit/);
    command.child.kill('SIGKILL');
    expect(await terminal.ended()).toMatch(
      new RegExp(`^server watched \\(pid ${command.child.pid}\\) has ended\r\ncode 0\r`),
    );
  });

  it('obeys NO_COLOR [TOP-TERMINAL]', async () => {
    await server();
    const terminal = new Terminal(24, 100, '', { NO_COLOR: '1' });
    await terminal.drawn(/^TOOL/);
    terminal.type('q');
    await terminal.ended();
    // oxlint-disable-next-line no-control-regex -- colours are what it is about
    expect(terminal.text).not.toMatch(/\u001b\[\d*m/);
  });

  it('draws nothing with --once or --json, nor on a terminal that can only write [TOP-TERMINAL]', async () => {
    await server();
    for (const [args, term] of [
      ['--once', 'xterm'],
      ['--once --json', 'xterm'],
      ['--once', 'dumb'],
    ] as const) {
      const terminal = new Terminal(24, 300, args, { TERM: term });
      await until('the end', () => terminal.exitCode);
      expect(terminal.text).not.toContain('\u001b');
      expect(terminal.text).toMatch(args.includes('json') ? /"version":1/ : /^TOOL +ISOLATION/m);
      expect(terminal.text).toMatch(/code 0\r/);
    }
    const dumb = new Terminal(24, 300, '--interval 100', { TERM: 'dumb' });
    await until('three', () => ((dumb.text.match(/^TOOL/gm)?.length ?? 0) >= 3 ? true : undefined));
    expect(dumb.text).not.toContain('\u001b');
  });
});
