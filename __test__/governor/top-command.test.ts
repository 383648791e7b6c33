import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { InspectionSnapshot } from '../../src/governor/inspect/inspection-snapshot.ts';
import type { ToolInspection } from '../../src/governor/inspect/tool-inspection.ts';
import { EndpointClient } from '../support/endpoint-client.ts';
import { commandFixture, type RunningCommand, until } from '../support/granary-command.ts';
import { ROOT } from '../support/run-program.ts';

const MIB = 1_048_576;
/** Each test starts several processes. */
const SLOW = { timeout: 60_000 };
const SERVER = path.join(import.meta.dirname, 'inspected-server.child.mjs');
const { folder, run, runAt } = commandFixture();
const before = process.env['XDG_RUNTIME_DIR'];
let runtime: string;

// Servers of other tests are none of these.
beforeEach(() => {
  runtime = folder();
  process.env['XDG_RUNTIME_DIR'] = runtime;
});
afterEach(() => {
  if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
  else process.env['XDG_RUNTIME_DIR'] = before;
});

/** A server with tools, which runs them as it is told. */
class ToolServer {
  readonly command: RunningCommand;
  path = '';
  #id = 0;

  constructor(command: RunningCommand) {
    this.command = command;
  }

  static async start(options: object = {}): Promise<ToolServer> {
    const server = new ToolServer(runAt(SERVER, JSON.stringify(options)));
    const line = await until('the endpoint', () => server.#lines()[0]);
    server.path = line['path'] as string;
    return server;
  }

  get pid(): number {
    return this.command.child.pid!;
  }

  tell(command: string, rest: object): number {
    const id = ++this.#id;
    this.command.child.stdin.write(`${JSON.stringify({ id, command, ...rest })}\n`);
    return id;
  }

  async ended(id: number): Promise<Record<string, unknown>> {
    return until(`the end of ${id}`, () => this.#lines().find((line) => line['id'] === id));
  }

  #lines(): Record<string, unknown>[] {
    const lines = this.command.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

/** @returns what `granary top` has written when it has ended, which must be well */
async function top(...args: string[]): Promise<string> {
  const command = run('top', ...args);
  expect(await command.end(), command.stderr).toEqual([0, null]);
  expect(command.stderr).toBe('');
  return command.stdout;
}

async function failing(...args: string[]): Promise<{ code: unknown; says: string }> {
  const command = run('top', ...args);
  const [code] = await command.end();
  expect(command.stdout).toBe('');
  expect(command.stderr).not.toMatch(/\n\s+at /);
  return { code, says: command.stderr };
}

const snapshotOf = async (...args: string[]) =>
  JSON.parse(await top('--json', '--once', ...args)) as InspectionSnapshot;

/** Waits until a server tells what is looked for. */
async function seen<T>(
  server: ToolServer,
  look: (snapshot: InspectionSnapshot) => T | undefined,
): Promise<T> {
  const client = await EndpointClient.open(server.path);
  client.socket.write('{"intervalMs":100}\n');
  const found = await until('the state', () => {
    const last = client.snapshots.at(-1);
    return last === undefined ? undefined : look(last);
  });
  client.socket.destroy();
  return found;
}

const toolOf = (snapshot: InspectionSnapshot, toolId: string) =>
  snapshot.tools.find((tool) => tool.toolId === toolId)!;

const cpuMsOf = ({ history }: ToolInspection) =>
  history.reduce((sum, { cpuTimeMs }) => sum + cpuTimeMs, 0);

describe('granary top of tools that run', SLOW, () => {
  it('tells what they use, run, wait for and have used [TOP-SNAPSHOT] [TOP-JSON] [TOP-PLAIN]', async () => {
    const server = await ToolServer.start({ name: 'tools' });
    server.tell('run', { toolId: 'threaded', name: 'holdHeap', args: [40, 60_000] });
    server.tell('run', { toolId: 'apart', name: 'openFiles', args: ['openSync', 19, 60_000] });
    server.tell('fill', { entries: 8, reads: 100 });
    await seen(server, (snapshot) => {
      const isFull = toolOf(snapshot, 'apart').usage.fileHandles.value === 19;
      const isHeld = toolOf(snapshot, 'threaded').usage.memoryBytes.value > 39 * MIB;
      return isFull && isHeld && toolOf(snapshot, 'apart').status === 'critical' ? true : undefined;
    });
    // At 95 % of its files: who comes now has to wait.
    server.tell('run', { toolId: 'apart', name: 'burn', args: [1] });
    await seen(server, (snapshot) => (toolOf(snapshot, 'apart').waiting === 1 ? true : undefined));
    const done = server.tell('run', { toolId: 'threaded', name: 'burnThread', args: [300] });
    expect(await server.ended(done)).toMatchObject({ ok: true });
    // The second in which it ended is told when that is over.
    await seen(server, (last) => (cpuMsOf(toolOf(last, 'threaded')) > 300 ? true : undefined));

    const snapshot = await snapshotOf();
    expect(snapshot).toMatchObject({ version: 1, name: 'tools', pid: server.pid });
    expect(snapshot.events).toMatchObject({ throttled: 1 });
    const [plain, threaded, apart] = ['plain', 'threaded', 'apart'].map((id) =>
      toolOf(snapshot, id),
    );
    expect(plain).toMatchObject({ isolation: 'inline', status: 'normal', running: 0, history: [] });
    expect(threaded).toMatchObject({
      isolation: 'worker',
      running: 1,
      executions: 1,
      limits: { maxMemoryBytes: 64 * MIB },
      usage: { memoryBytes: { confidence: 'thread' } },
    });
    expect(threaded!.usage.memoryBytes.value).toBeGreaterThan(39 * MIB);
    expect(threaded!.usage.memoryBytes.value).toBeLessThan(64 * MIB);
    expect(cpuMsOf(threaded!)).toBeLessThan(2_000);
    expect(threaded!.history.length).toBeLessThanOrEqual(60);
    expect(apart).toMatchObject({
      isolation: 'process',
      status: 'critical',
      running: 1,
      waiting: 1,
      usage: { fileHandles: { value: 19, confidence: 'exact' } },
    });
    expect(snapshot.caches).toMatchObject([
      { name: 'pages', size: 8, maxSize: 10, maxMemoryBytes: 100_000, hits: 52, misses: 48 },
    ]);

    const lines = (await top()).trimEnd().split('\n');
    expect(lines[0]).toMatch(
      new RegExp(`^tools {2}pid ${server.pid} {2}up \\d+ s {2}RSS .+ running 2 {2}waiting 1$`),
    );
    expect(lines[1]).toMatch(/^events {2}status \d+ {2}throttled 1/);
    expect(lines[3]).toMatch(/^TOOL +ISOLATION +STATUS +RUN +WAIT +DONE +MEMORY +LIMIT +USED/);
    // Nearest to its limit first.
    expect(lines[4]).toMatch(/^apart +process +critical +1 +1 +0 .+ 19\/20 +0\/10/);
    expect(lines.find((line) => line.startsWith('threaded'))).toMatch(
      /^threaded +worker +\w+ +1 +0 +1 +[45]\d\.\d MiB +64\.0 MiB +█{6}.+[▁-█]$/,
    );
    expect(lines.at(-1)).toMatch(/^pages +8\/10 +800 B +97\.7 KiB .*52 % +52 +48/);
    // Nothing but text: it is not a terminal.
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('escapes what a tool is called, as text and as JSON [TOP-VIEW]', async () => {
    const server = await ToolServer.start();
    const toolId = 'a\u001b[2J\u009b31m\u2028b\n';
    expect(await server.ended(server.tell('name', { toolId }))).toMatchObject({ ok: true });
    expect(await top()).toContain(String.raw`a\u001b[2J\u009b31m\u2028b\u000a `);
    const json = await top('--json');
    expect(json.trimEnd()).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(toolOf(JSON.parse(json) as InspectionSnapshot, toolId)).toMatchObject({ toolId });
  });
});

describe('granary top of granary serve', SLOW, () => {
  it('shows the cache of the files [TOP-SERVE] [TOP-PLAIN]', async () => {
    const dir = folder({ a: 'aaaa', b: 'bb' });
    const command = run('serve', dir);
    await command.initialize();
    await command.logged(/is watched/);
    const uri = new URL(`file://${dir}/a`).href;
    for (let id = 1; id <= 4; id++) await command.request(id, 'resources/read', { uri });
    const socket = path.join(runtime, 'granary', `serve-${command.child.pid}.sock`);
    await until('the socket', () => (existsSync(socket) ? true : undefined));
    const text = await top('serve');
    expect(text).toMatch(/^serve {2}pid \d+ {2}up .+ RSS .+ heap .+ CPU [\d.]+ %\n/);
    expect(text).toMatch(/^CACHE +ENTRIES +BYTES +BOUND +USED +HIT RATIO +HITS +MISSES +LOADS/m);
    expect(text).toMatch(/^files +1\/10,000 +\d+ B +100 MiB +▏? +75 % +3 +1 +1 +0 +0$/m);
    command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    expect(existsSync(socket)).toBe(false);
  });

  it('sees none with --no-inspect [TOP-SERVE] [TOP-CHOOSE]', async () => {
    const command = run('serve', folder(), '--no-inspect');
    await command.initialize();
    await command.logged(/is watched/);
    expect(existsSync(path.join(runtime, 'granary'))).toBe(false);
    const { code, says } = await failing();
    expect(code).toBe(1);
    expect(says).toMatch(
      /^granary: no server of this user's runs that could be seen \(looked in .+\/granary\): .+\n$/,
    );
  });

  it('is served all the same where there can be no socket [TOP-SERVE] [TOP-DIRECTORY]', async () => {
    mkdirSync(path.join(runtime, 'granary'));
    chmodSync(path.join(runtime, 'granary'), 0o777);
    const command = run('serve', folder({ a: 'a' }));
    await command.initialize();
    await command.logged(/warn granary top cannot see this server error=.*has mode 0777/);
    expect(await command.request(1, 'resources/list')).toMatchObject({ result: {} });
    const { code, says } = await failing();
    expect(code).toBe(1);
    expect(says).toMatch(/^granary: the socket directory must be .* has mode 0777; --socket PATH/);
  });

  it('does not follow a link that stands for the directory [TOP-DIRECTORY]', async () => {
    const elsewhere = path.join(folder(), 'granary');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, path.join(runtime, 'granary'));
    const { code, says } = await failing('--list');
    expect(code).toBe(1);
    expect(says).toMatch(/is a symbolic link/);
  });
});

describe('granary top with several servers', SLOW, () => {
  it('shows the one that is named, by name, pid or socket [TOP-CHOOSE]', async () => {
    const [one, two, third] = await Promise.all([
      ToolServer.start({ name: 'one' }),
      ToolServer.start({ name: 'two' }),
      ToolServer.start({ name: 'two' }),
    ]);
    expect((await snapshotOf('one')).pid).toBe(one.pid);
    expect((await snapshotOf(String(third.pid))).pid).toBe(third.pid);
    expect((await snapshotOf('--socket', two.path)).pid).toBe(two.pid);
    const listed = (await top('--list')).trimEnd().split('\n');
    const lineOf = ({ pid, path: where }: ToolServer, name: string) => `${name}  ${pid}  ${where}`;
    const pair = [two, third].toSorted((a, b) => a.pid - b.pid);
    expect(listed).toEqual([lineOf(one, 'one'), ...pair.map((server) => lineOf(server, 'two'))]);
    const json = (await top('--list', '--json')).trimEnd().split('\n');
    expect(JSON.parse(json[0]!)).toEqual({ name: 'one', pid: one.pid, path: one.path });
    // What could mean several is not guessed.
    for (const [args, count] of [
      [[], 3],
      [['two'], 2],
    ] as const) {
      const { code, says } = await failing(...args);
      expect(code).toBe(2);
      expect(says).toMatch(
        new RegExp(`^granary: ${count} servers run, name one of them: granary top PID\n`),
      );
      for (const { pid } of pair) expect(says).toContain(`two  ${pid}  `);
    }
    const { code, says } = await failing('three');
    expect(code).toBe(1);
    expect(says).toMatch(/^granary: no server "three" runs, there are\none {2}\d+/);
  });

  it('leaves out one that was killed [TOP-CHOOSE] [TOP-STALE]', async () => {
    const [killed, living] = [await ToolServer.start(), await ToolServer.start()];
    killed.command.child.kill('SIGKILL');
    await killed.command.end();
    expect(existsSync(killed.path)).toBe(true);
    expect((await snapshotOf()).pid).toBe(living.pid);
    const { code, says } = await failing('--socket', killed.path);
    expect(code).toBe(1);
    expect(says).toMatch(/^granary: the server cannot be seen \(ECONNREFUSED\): /);
  });

  it('says that there is none, --list with code 0 [TOP-CHOOSE]', async () => {
    const none = run('top', '--list');
    expect(await none.end()).toEqual([0, null]);
    expect(none.stdout).toBe('');
    expect(none.stderr).toMatch(/^granary: no server/);
    expect(await failing('x')).toMatchObject({ code: 1, says: /no server "x" of this user/ });
  });
});

describe('granary top that goes on', SLOW, () => {
  it('writes a line of JSON each interval, until the server has ended [TOP-JSON] [TOP-ENDED]', async () => {
    const server = await ToolServer.start({ name: 'mortal' });
    const command = run('top', '--json', '--interval', '100');
    const count = (text: string) => text.split('\n').length - 1;
    await until('four snapshots', () => (count(command.stdout) >= 4 ? true : undefined));
    server.command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    expect(command.stderr).toBe(`granary: server mortal (pid ${server.pid}) has ended\n`);
    for (const line of command.stdout.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ version: 1, name: 'mortal' });
    }
  });

  it('writes plain text each interval, until the server was killed [TOP-PLAIN] [TOP-ENDED]', async () => {
    const server = await ToolServer.start({ name: 'mortal' });
    const command = run('top', '--interval=100');
    await until('three', () =>
      (command.stdout.match(/^mortal /gm)?.length ?? 0) >= 3 ? true : undefined,
    );
    server.command.child.kill('SIGKILL');
    expect(await command.end()).toEqual([0, null]);
    expect(command.stdout.endsWith(`\nserver mortal (pid ${server.pid}) has ended\n`)).toBe(true);
    expect(command.stderr).toBe('');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with %s, code 0 [TOP-ENDED]', async (signal) => {
    await ToolServer.start();
    const command = run('top', '--json', '--interval', '60000');
    await until('a snapshot', () => (command.stdout.includes('\n') ? true : undefined));
    command.child.kill(signal);
    expect(await command.end()).toEqual([0, null]);
    expect(command.stderr).toBe('');
  });

  it('ends when nobody reads any more, code 0 [TOP-JSON]', async () => {
    await ToolServer.start();
    const command = run('top', '--json', '--interval', '100');
    await until('a snapshot', () => (command.stdout.includes('\n') ? true : undefined));
    command.child.stdout.destroy();
    expect(await command.end()).toEqual([0, null]);
    expect(command.stderr).toBe('');
  });

  it('waits for a server that is busy, and gives up on one that stands still [TOP-ENDED]', async () => {
    const server = await ToolServer.start();
    server.tell('block', { ms: 1_500 });
    expect((await snapshotOf('--socket', server.path)).pid).toBe(server.pid);
    server.command.child.kill('SIGSTOP');
    const stopped = run('top', '--once', '--socket', server.path);
    expect(await stopped.end(15_000)).toEqual([1, null]);
    expect(stopped.stderr).toBe('granary: the server has not answered within 10 s\n');
  });

  it.each([
    ['no JSON', 'HTTP/1.1 400 Bad Request\r\n', /no server of granary/],
    ['another version', '{"version":2,"tools":[],"caches":[]}\n', /version 2.* reads version 1/],
    ['no snapshot', '[]\n', /version undefined/],
    [
      'a snapshot that is not whole',
      '{"version":1,"name":"x","pid":1,"tools":[7],"caches":[{}]}\n',
      /tells a snapshot that is not whole/,
    ],
    ['a refusal', '{"error":"no\\u001b[2J"}\n', /has refused: no\\u001b\[2J/],
    ['nothing', '', /the server has ended/],
  ])('says so where it is told %s [TOP-ENDED]', async (_what, told, says) => {
    const where = path.join(runtime, 'x');
    const impostor = createServer((socket) => socket.on('error', () => {}).end(told)).listen(where);
    await once(impostor, 'listening');
    const failed = await failing('--socket', where);
    impostor.close();
    expect(failed.code).toBe(1);
    expect(failed.says).toMatch(says);
  });
});

describe('granary top called wrongly', SLOW, () => {
  it.each([
    [['--interval', '99'], /--interval must be an integer from 100 to 60000 \(ms\), got "99"/],
    [['--interval', '1s'], /--interval must be .* got "1s"/],
    [['--socket', ''], /--socket must be the path of a socket, got ""/],
    [['--socket', '/x', 'one'], /--socket names the server already, got "one" too/],
    [['one', 'two'], /one server is shown, got 2: "one" "two"/],
    [[''], /the server must be a name or a pid, got ""/],
    [['--json=yes'], /--json takes no value/],
    [['--unknown'], /unknown option --unknown, known are --socket/],
  ])('%j: code 2, one line that names it, and the usage [TOP-USAGE]', async (args, says) => {
    const failed = await failing(...args);
    expect(failed.code).toBe(2);
    const [line, usage, ...rest] = failed.says.trimEnd().split('\n');
    expect(line).toMatch(says);
    expect(usage).toMatch(/^Usage: granary top \[NAME\|PID\] \[options\]; granary top --help/);
    expect(rest).toEqual([]);
  });

  it('with --help names every option, and granary --help names it [TOP-USAGE]', async () => {
    const help = await top('--help');
    expect(help).toMatch(/^Usage: granary top/);
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    const known = (await failing('--unknown')).says.match(/--[a-z-]+/g) ?? [];
    expect(known.length).toBeGreaterThan(6);
    for (const option of known.filter((name) => name !== '--unknown')) {
      expect(help).toContain(option);
    }
    const all = run('--help');
    await all.end();
    expect(all.stdout).toMatch(/^ {2}top +watch/m);
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await top('--version')).toBe(`${version}\n`);
  });
});
