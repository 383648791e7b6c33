import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { EnhancedResourceManager } from '../../src/governor/enhanced-resource-manager.ts';
import { defaultEndpointName, listEndpoints } from '../../src/governor/inspect/endpoint-address.ts';
import {
  inspect,
  type InspectionEndpoint,
  type InspectOptions,
} from '../../src/governor/inspect/inspection-endpoint.ts';
import {
  checkSocketDirectory,
  socketDirectory,
} from '../../src/governor/inspect/socket-directory.ts';
import { removeStaleSockets } from '../../src/governor/inspect/stale-sockets.ts';
import { Watcher } from '../../src/governor/inspect/watcher.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { EndpointClient } from '../support/endpoint-client.ts';
import { until } from '../support/granary-command.ts';
import { builtUrl } from '../support/child-module.ts';
import { runProgram } from '../support/run-program.ts';

let runtime: string;
const endpoints: InspectionEndpoint[] = [];
const children: ChildProcess[] = [];
const before = process.env['XDG_RUNTIME_DIR'];

beforeEach(() => {
  runtime = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-run-')));
  process.env['XDG_RUNTIME_DIR'] = runtime;
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()));
  rmSync(runtime, { recursive: true, force: true });
  if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
  else process.env['XDG_RUNTIME_DIR'] = before;
});

async function open(options?: InspectOptions): Promise<InspectionEndpoint> {
  const endpoint = await inspect(options);
  endpoints.push(endpoint);
  return endpoint;
}

/** A process of its own that has an endpoint. @returns it and what it has told */
async function server(options: object = {}): Promise<{ child: ChildProcess; path: string }> {
  const program = path.join(import.meta.dirname, 'inspected-server.child.mjs');
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  let told = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (told += text));
  const line = await until('the endpoint', () => told.split('\n').slice(0, -1)[0]);
  return { child, path: (JSON.parse(line) as { path: string }).path };
}

const modeOf = (file: string) => lstatSync(file).mode & 0o777;

describe('an inspection endpoint', () => {
  it('tells how tools and caches stand, at once [TOP-ENDPOINT]', async () => {
    const governor = new EnhancedResourceManager();
    governor.initializeTool('search', { maxFileHandles: 7 }, { maxFileHandles: 9 });
    governor.initializeTool('free', { maxMemoryBytes: Infinity });
    using pages = new ResourceCache<string>({ maxEntries: 10 });
    using manager = new ResourceManager();
    pages.set('a', 'b');
    pages.get('a');
    let end: (() => void) | undefined;
    const ran = governor.execute('search', () => new Promise<void>((resolve) => (end = resolve)));
    const { path: where } = await open({ governor, caches: { pages, manager }, name: 'mine' });
    expect(where).toBe(path.join(runtime, 'granary', `mine-${process.pid}.sock`));
    const client = await EndpointClient.open(where);
    const snapshot = await client.line(1);
    expect(snapshot).toMatchObject({ version: 1, pid: process.pid, name: 'mine' });
    expect(snapshot.events).toMatchObject({ status: 0, throttled: 0 });
    expect(snapshot.process.rssBytes).toBeGreaterThan(10_000_000);
    expect(snapshot.process.cpuMs).toBeGreaterThan(1);
    expect(snapshot.nowMs - snapshot.startedMs).toBeGreaterThan(1);
    expect(snapshot.tools).toMatchObject([
      {
        toolId: 'search',
        isolation: 'inline',
        status: 'normal',
        running: 1,
        waiting: 0,
        executions: 0,
        limits: { maxFileHandles: 7 },
        max: { maxFileHandles: 9 },
      },
      { toolId: 'free', running: 0, limits: { maxMemoryBytes: null }, history: [] },
    ]);
    expect(snapshot.caches).toMatchObject([
      { name: 'pages', size: 1, maxSize: 10, hits: 1, misses: 0, hitRatio: 1 },
      { name: 'manager', size: 0, hits: 0 },
    ]);
    end?.();
    await ran;
    client.socket.destroy();
    await governor.close();
  });

  it('tells again each interval that the client names, to each its own [TOP-ENDPOINT]', async () => {
    using pages = new ResourceCache<string>();
    const { path: where } = await open({ caches: { pages } });
    const [quick, slow] = [await EndpointClient.open(where), await EndpointClient.open(where)];
    quick.socket.write('{"intervalMs":100}\n');
    slow.socket.write('{"interv');
    slow.socket.write('alMs":60000}\n');
    pages.set('a', 'b');
    const last = await quick.line(6);
    expect(last.caches).toMatchObject([{ size: 1 }]);
    const times = quick.snapshots.map(({ nowMs }) => nowMs);
    expect((times.at(-1)! - times[1]!) / (times.length - 2)).toBeGreaterThan(80);
    expect(slow.lines).toHaveLength(1);
    quick.socket.destroy();
    slow.socket.destroy();
  });

  it('is called after its program where it has no name, and lies where it is told [TOP-ENDPOINT]', async () => {
    expect(defaultEndpointName('/srv/my server (2).mjs')).toBe('my-server-2-');
    expect(defaultEndpointName('/srv/42.js')).toBe('node');
    expect(defaultEndpointName('')).toBe('node');
    const where = path.join(runtime, 'own', 'x');
    const endpoint = await open({ path: where });
    expect(endpoint.path).toBe(where);
    expect((await (await EndpointClient.open(where)).line(1)).tools).toEqual([]);
    // Whoever looks for servers finds those that lie where they belong.
    await open({ name: 'known' });
    expect(listEndpoints().map(({ name, pid }) => ({ name, pid }))).toEqual([
      { name: 'known', pid: process.pid },
    ]);
  });

  it('tells of a cache that was closed, and of the others [TOP-ENDPOINT]', async () => {
    using pages = new ResourceCache<string>();
    const broken = {
      stats(): never {
        throw new Error('it was closed');
      },
    };
    const { path: where } = await open({ caches: { broken, pages } });
    expect((await (await EndpointClient.open(where)).line(1)).caches).toMatchObject([
      { name: 'broken', error: 'it was closed' },
      { name: 'pages', size: 0 },
    ]);
  });

  it('hangs up when it is closed, as often as one likes [TOP-UNREF]', async () => {
    const endpoint = await open();
    const client = await EndpointClient.open(endpoint.path);
    await client.line(1);
    await Promise.all([endpoint.close(), endpoint.close()]);
    await client.closed();
    expect(existsSync(endpoint.path)).toBe(false);
    const again = await open();
    expect(again.path).toBe(endpoint.path);
  });
});

describe('the directory of sockets', () => {
  it('is made for its user alone, and so are the sockets [TOP-DIRECTORY]', async () => {
    const umask = process.umask(0);
    const { path: where } = await open().finally(() => process.umask(umask));
    expect(modeOf(path.dirname(where))).toBe(0o700);
    expect(modeOf(where)).toBe(0o600);
  });

  it('is below the one for temporary files where there is no runtime directory of this user’s [TOP-DIRECTORY]', () => {
    const uid = process.getuid?.();
    const inTmp = path.join(tmpdir(), `granary-${uid}`);
    expect(socketDirectory({})).toBe(inTmp);
    expect(socketDirectory({ XDG_RUNTIME_DIR: '' })).toBe(inTmp);
    expect(socketDirectory({ XDG_RUNTIME_DIR: 'relative' })).toBe(inTmp);
    expect(socketDirectory({ XDG_RUNTIME_DIR: '/no/such' })).toBe(inTmp);
    expect(socketDirectory({ XDG_RUNTIME_DIR: runtime })).toBe(path.join(runtime, 'granary'));
  });

  const faults: readonly (readonly [string, (directory: string) => void, RegExp])[] = [
    [
      'everybody may write to',
      (directory) => {
        mkdirSync(directory);
        chmodSync(directory, 0o777);
      },
      /has mode 0777/,
    ],
    [
      'a group may enter',
      (directory) => {
        mkdirSync(directory);
        chmodSync(directory, 0o710);
      },
      /has mode 0710/,
    ],
    [
      'is a link to one that would do',
      (directory) => {
        mkdirSync(`${directory}-real`, { mode: 0o700 });
        symlinkSync(`${directory}-real`, directory);
      },
      /is a symbolic link/,
    ],
    ['is a link to nowhere', (directory) => symlinkSync('/no/such', directory), /symbolic link/],
    ['is a file', (directory) => writeFileSync(directory, ''), /is no directory/],
  ];
  it.each(faults)('is refused where it %s [TOP-DIRECTORY]', async (_what, make, says) => {
    const directory = path.join(runtime, 'granary');
    make(directory);
    await expect(inspect()).rejects.toMatchObject({ code: 'ERR_GRANARY_BAD_OPTION' });
    await expect(inspect()).rejects.toThrow(says);
    await expect(inspect({ path: path.join(directory, 'x') })).rejects.toThrow(directory);
    expect(() => checkSocketDirectory(directory)).toThrow(says);
    expect(() => listEndpoints()).toThrow(says);
  });

  it.runIf(process.getuid?.() === 0)(
    'is refused where it is another’s [TOP-DIRECTORY]',
    async () => {
      const directory = path.join(runtime, 'granary');
      mkdirSync(directory, { mode: 0o700 });
      await runProgram('chown', ['65534', directory]);
      await expect(inspect()).rejects.toThrow(/belongs to the user 65534, not to 0/);
      // And so is a runtime directory that `su` has left in the environment.
      await runProgram('chown', ['65534', runtime]);
      expect(socketDirectory()).toBe(path.join(tmpdir(), 'granary-0'));
    },
  );

  it('is refused where it cannot be made [TOP-DIRECTORY]', async () => {
    await expect(inspect({ path: '/no/such/directory/x' })).rejects.toThrow(
      /\(ENOENT\).*\/no\/such/,
    );
  });
});

describe('sockets of the dead', () => {
  it('are removed by the next that opens one, those of the living are not [TOP-STALE]', async () => {
    const killed = await server({ name: 'killed' });
    const living = await server({ name: 'living' });
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    expect(existsSync(killed.path)).toBe(true);
    const unrelated = path.join(runtime, 'granary', 'notes.txt');
    writeFileSync(unrelated, '');
    await open();
    expect(existsSync(killed.path)).toBe(false);
    expect(existsSync(unrelated)).toBe(true);
    expect((await (await EndpointClient.open(living.path)).line(1)).name).toBe('living');
  });

  it('are told by whether anybody listens, not by the number of a process alone [TOP-STALE]', async () => {
    // As a process of another container has it, whose number nobody has here.
    const directory = path.join(runtime, 'granary');
    mkdirSync(directory, { mode: 0o700 });
    const foreign = path.join(directory, 'foreign-4194304.sock');
    const listener = createServer().listen(foreign);
    await once(listener, 'listening');
    await removeStaleSockets(directory);
    expect(existsSync(foreign)).toBe(true);
    listener.close();
  });

  it('of a process of the same number are replaced, as in a container that starts again [TOP-STALE]', async () => {
    const killed = await server({ name: 'killed' });
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    const where = path.join(runtime, 'own', 'x');
    mkdirSync(path.dirname(where), { mode: 0o700 });
    await runProgram('mv', [killed.path, where]);
    await open({ path: where });
    expect((await (await EndpointClient.open(where)).line(1)).pid).toBe(process.pid);
    await expect(inspect({ path: where })).rejects.toMatchObject({
      code: 'ERR_GRANARY_NAME_IN_USE',
    });
    expect((await (await EndpointClient.open(where)).line(1)).pid).toBe(process.pid);
  });
});

describe('a hostile client', () => {
  it.each([
    ['words', 'hello\n'],
    ['another number', '{"intervalMs":99}\n'],
    ['too large a number', '{"intervalMs":60001}\n'],
    ['a number in words', '{"intervalMs":"1000"}\n'],
    ['more than is known', '{"intervalMs":1000,"x":1}\n'],
    ['nothing', '\n'],
    ['null', 'null\n'],
    ['a list', '[["intervalMs",1000]]\n'],
    ['bytes', Buffer.from([0, 255, 254, 10])],
  ])('that sends %s is told what is allowed, and hung up on [TOP-HOSTILE]', async (_what, sent) => {
    const { path: where } = await open();
    const client = await EndpointClient.open(where);
    await client.line(1);
    client.socket.write(sent);
    expect((await client.line(2)).error).toMatch(
      /a line must be \{"intervalMs":N\}, N from 100 to 60000, got /,
    );
    await client.closed();
    expect(client.lines).toHaveLength(2);
  });

  it('that sends a line without an end costs no memory, and stops nobody else [TOP-HOSTILE]', async () => {
    const { path: where, child } = await server();
    const rss = () =>
      Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]) * 4_096;
    const good = await EndpointClient.open(where);
    good.socket.write('{"intervalMs":100}\n');
    await good.line(3);
    const beforeBytes = rss();
    const piece = Buffer.alloc(1_048_576, 'x');
    const floods = await Promise.all(Array.from({ length: 8 }, () => EndpointClient.open(where)));
    for (const { socket } of floods) for (let i = 0; i < 16; i++) socket.write(piece);
    for (const flood of floods) {
      expect((await flood.line(2)).error).toBe('a line is longer than 65536 bytes');
      await flood.closed();
    }
    const seen = good.lines.length;
    await good.line(seen + 3);
    expect(rss() - beforeBytes).toBeLessThan(64 * 1_048_576);
    good.socket.destroy();
  });

  it('that connects again and again is told that there are enough [TOP-HOSTILE]', async () => {
    const { path: where } = await open();
    const first = await Promise.all(Array.from({ length: 16 }, () => EndpointClient.open(where)));
    await Promise.all(first.map((client) => client.line(1)));
    const late = await EndpointClient.open(where);
    expect((await late.line(1)).error).toBe('16 clients are connected already');
    await late.closed();
    first[0]!.socket.destroy();
    await until('room for another', () => (first[0]!.isClosed ? true : undefined));
    const next = await EndpointClient.open(where);
    expect((await next.line(1)).pid).toBe(process.pid);
    for (const client of [...first, next]) client.socket.destroy();
  });

  it('that does not read has one snapshot waiting for it, however long [TOP-HOSTILE]', async () => {
    const where = path.join(runtime, 'x');
    let accepted: Socket | undefined;
    const listener = createServer((socket) => (accepted = socket)).listen(where);
    await once(listener, 'listening');
    const client = await EndpointClient.open(where);
    client.socket.pause();
    const socket = await until('the connection', () => accepted);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const line = `${'x'.repeat(8 * 1_048_576)}\n`;
      let taken = 0;
      const takeLine = (): string => {
        taken++;
        return line;
      };
      const watcher = new Watcher(socket, takeLine, true);
      vi.advanceTimersByTime(600_000);
      expect(taken).toBe(1);
      expect(socket.writableLength).toBeGreaterThan(0);
      expect(socket.writableLength).toBeLessThanOrEqual(line.length);
      client.socket.resume();
      await until('the snapshot', () => (client.lines.length === 1 ? true : undefined));
      await until('the drain', () => (socket.writableLength === 0 ? true : undefined));
      vi.advanceTimersByTime(1_000);
      expect(taken).toBe(2);
      watcher.close();
    } finally {
      vi.useRealTimers();
      client.socket.destroy();
      listener.close();
    }
  });
});

describe('a process with an inspection endpoint', () => {
  it('ends when it has nothing else to do, though somebody watches, and leaves no socket [TOP-UNREF]', async () => {
    const { child, path: where } = await server();
    const client = await EndpointClient.open(where);
    client.socket.write('{"intervalMs":100}\n');
    await client.line(2);
    child.stdin?.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    await client.closed();
    expect(existsSync(where)).toBe(false);
  });

  it('has no handle and no file more after the endpoint is closed [TOP-UNREF]', async () => {
    const source = `
      import { readdirSync } from 'node:fs';
      import { connect } from 'node:net';
      import { once } from 'node:events';
      import { inspect } from ${JSON.stringify(builtUrl('governor/index.js'))};
      const look = () => [readdirSync('/proc/self/fd').length, process.getActiveResourcesInfo().toSorted().join(), process.listenerCount('exit')];
      const round = async () => {
        const endpoint = await inspect({ name: 'round' });
        const client = connect(endpoint.path);
        await once(client, 'data');
        await endpoint.close();
        await once(client, 'close');
      };
      await round();
      const before = look();
      for (let i = 0; i < 20; i++) await round();
      console.log(JSON.stringify([before, look()]));
    `;
    const end = await runProgram(process.execPath, ['--input-type=module', '--eval', source]);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    const [first, last] = JSON.parse(end.stdout) as unknown[];
    expect(last).toEqual(first);
    expect(readdirSync(path.join(runtime, 'granary'))).toEqual([]);
  });
});

describe('options of inspect', () => {
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [7, /options must be an object, got 7/],
    [{ governor: {} }, /governor must be an EnhancedResourceManager, got an object/],
    [{ caches: [] }, /caches must be an object, got an array/],
    [{ caches: { a: {} } }, /caches\.a must be a cache with the method stats/],
    [{ name: '' }, /name must be a letter .* got ""/],
    [{ name: '7up' }, /name must be a letter .* got "7up"/],
    [{ name: '../up' }, /name must be a letter .* got "\.\.\/up"/],
    [{ name: 'a'.repeat(65) }, /name must be a letter and at most 63 of/],
    [{ path: '' }, /path must be the path of a socket, at most \d+ bytes, got ""/],
    [{ path: `/tmp/${'ü'.repeat(60)}` }, /path must be the path of a socket, at most 10\d bytes/],
    [{ path: 'a\0b' }, /path must be the path of a socket/],
  ];
  it.each(bad)('%j are refused [TOP-OPTIONS]', async (options, says) => {
    const opened = inspect(options as InspectOptions);
    await expect(opened).rejects.toMatchObject({ code: 'ERR_GRANARY_BAD_OPTION' });
    await expect(opened).rejects.toThrow(says);
  });
});
