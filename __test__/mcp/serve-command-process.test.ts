import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, it } from 'vitest';

import { commandFixture, GRANARY, until } from '../support/granary-command.ts';
import { ROOT } from '../support/run-program.ts';

const { folder, run, runAt } = commandFixture();
const VERSION = (
  JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
).version;

const uriOf = (...names: string[]) => pathToFileURL(path.join(...names)).href;
/** Far above what it takes, and far below the time after which the command gives up waiting. */
const SOON_MS = 3_000;

describe('the end of granary serve', () => {
  it('comes with the end of input, with code 0 [SERVE-END]', async () => {
    const command = run('serve', folder({ a: 'a' }));
    await command.initialize();
    command.child.stdin.end();
    expect(await command.end(SOON_MS)).toEqual([0, null]);
  });

  it('comes with input that has ended before it began [SERVE-END]', async () => {
    const command = run('serve', folder());
    command.child.stdin.end();
    // It has yet to start.
    expect(await command.end()).toEqual([0, null]);
    expect(command.stdout).toBe('');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'comes with %s, over stdio and HTTP, with code 0 [SERVE-END]',
    async (signal) => {
      for (const mode of [[], ['--http', '0']]) {
        const command = run('serve', folder({ a: 'a' }), ...mode);
        await command.logged(/serving over/);
        command.child.kill(signal);
        expect(await command.end(SOON_MS)).toEqual([0, null]);
        expect(command.stderr).toContain(`reason="${signal}"`);
        expect(command.stderr).not.toContain('Error');
      }
    },
  );

  it('comes at once with a signal while the folder is still gone through [SERVE-END]', async () => {
    const command = run('serve', path.join(ROOT, 'node_modules'));
    await command.logged(/serving over/);
    expect(command.stderr).not.toContain('is watched');
    command.child.kill('SIGTERM');
    expect(await command.end(SOON_MS)).toEqual([0, null]);
  });

  it('comes after the answers to everything that was asked [SERVE-END]', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `f${index}`);
    const dir = folder(Object.fromEntries(names.map((name) => [name, name.repeat(5_000)])));
    const command = run('serve', dir);
    await command.initialize();
    for (const name of names) {
      command.send({ id: name, method: 'resources/read', params: { uri: uriOf(dir, name) } });
    }
    command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    const answers = new Map(command.messages().map((message) => [message['id'], message]));
    for (const name of names) {
      expect(answers.get(name)).toMatchObject({
        result: { contents: [{ text: name.repeat(5_000) }] },
      });
    }
  });

  it('does not wait for a request that was withdrawn [SERVE-END]', async () => {
    const dir = folder({ a: 'a'.repeat(5_000_000) });
    const command = run('serve', dir);
    await command.initialize();
    command.send({ id: 1, method: 'resources/read', params: { uri: uriOf(dir, 'a') } });
    command.send({ method: 'notifications/cancelled', params: { requestId: 1 } });
    command.child.stdin.end();
    expect(await command.end(SOON_MS)).toEqual([0, null]);
    expect(command.messages().filter(({ id }) => id === 1)).toEqual([]);
  });

  it('comes quietly when nobody reads the output any more [SERVE-END]', async () => {
    const dir = folder({ a: 'a'.repeat(100_000) });
    const command = run('serve', dir);
    await command.initialize();
    command.child.stdout.destroy();
    for (let id = 0; id < 20; id++) {
      command.send({ id, method: 'resources/read', params: { uri: uriOf(dir, 'a') } });
    }
    expect(await command.end(SOON_MS)).toEqual([0, null]);
    expect(command.stderr).not.toMatch(/EPIPE|Error/);
  });

  it('comes at once with a second signal, though answers are not read [SERVE-END]', async () => {
    const dir = folder({ a: 'a'.repeat(2_000_000) });
    const command = run('serve', dir);
    await command.initialize();
    command.child.stdout.pause();
    for (let id = 0; id < 5; id++) {
      command.send({ id, method: 'resources/read', params: { uri: uriOf(dir, 'a') } });
    }
    command.child.kill('SIGTERM');
    await command.logged(/ending/);
    command.child.kill('SIGTERM');
    const exited = new Promise((resolve) => command.child.once('exit', resolve));
    expect(await exited).toBe(143);
    command.child.stdout.resume();
  });

  it('comes within bounds when answers are never read [SERVE-END]', async () => {
    const dir = folder({ a: 'a'.repeat(2_000_000) });
    const command = run('serve', dir);
    await command.initialize();
    command.child.stdout.pause();
    command.send({ id: 1, method: 'resources/read', params: { uri: uriOf(dir, 'a') } });
    command.child.stdin.end();
    const exited = new Promise((resolve) => command.child.once('exit', resolve));
    expect(await exited).toBe(0);
    command.child.stdout.resume();
  }, 30_000);

  it('goes on when nobody reads the log [SERVE-STDERR]', async () => {
    const dir = folder({ a: 'a' });
    const command = run('serve', dir);
    await command.initialize();
    command.child.stderr.destroy();
    for (const id of [1, 2, 3]) {
      await command.request(id, 'resources/read', { uri: uriOf(dir, 'missing') });
    }
    command.child.stdin.end();
    expect(await command.end(SOON_MS)).toEqual([0, null]);
  });
});

describe('what granary serve is sent', () => {
  it.each<[string, string | Buffer]>([
    ['no JSON', 'hello\n'],
    ['half a message', '{"jsonrpc":"2.0","id":1,\n'],
    ['nothing', '\n\r\n \n'],
    ['JSON of another kind', '1\nnull\n"text"\n[]\n{}\n{"jsonrpc":"1.0","id":1,"method":"ping"}\n'],
    ['a batch, which MCP no longer has', '[{"jsonrpc":"2.0","id":7,"method":"ping"}]\n'],
    ['bytes', Buffer.concat([Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80, 0x0d]), Buffer.from('\n')])],
    ['deep nesting', `${'['.repeat(100_000)}\n`],
    [
      'a deep object',
      `{"jsonrpc":"2.0","id":8,"params":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_001)}\n`,
    ],
    ['a line of 20 MB', `${'x'.repeat(20_000_000)}\n`],
    ['a request of 20 MB', `{"jsonrpc":"2.0","id":9,"method":"${'x'.repeat(20_000_000)}"}\n`],
    [
      'a prototype',
      '{"jsonrpc":"2.0","method":"notifications/x","params":{"__proto__":{"id":1}}}\n',
    ],
    ['an answer to no question', '{"jsonrpc":"2.0","id":99,"result":{}}\n'],
    [
      'a withdrawal of nothing',
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}\n',
    ],
  ])('may be %s: it goes on and says nothing else [SERVE-MALFORMED]', async (_what, sent) => {
    const dir = folder({ a: 'a' });
    const command = run('serve', dir);
    await command.initialize();
    command.child.stdin.write(sent);
    expect(await command.request('after', 'ping')).toMatchObject({ result: {} });
    const { result } = await command.request('read', 'resources/read', { uri: uriOf(dir, 'a') });
    expect(result).toMatchObject({ contents: [{ text: 'a' }] });
    command.child.stdin.end();
    expect(await command.end(SOON_MS)).toEqual([0, null]);
    expect(command.messages().map(({ id }) => id)).toEqual(['initialize', 'after', 'read']);
    for (const line of command.stderr.split('\n')) expect(line.length).toBeLessThan(1_000);
  });

  it('may come in pieces, byte by byte [SERVE-MALFORMED]', async () => {
    const command = run('serve', folder());
    await command.initialize();
    for (const byte of Buffer.from('{"jsonrpc":"2.0","id":"ö","method":"ping"}\r\n')) {
      command.child.stdin.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await command.answer('ö')).toMatchObject({ result: {} });
  });

  it('may end within a line, which is no request [SERVE-MALFORMED] [SERVE-END]', async () => {
    const command = run('serve', folder());
    await command.initialize();
    command.child.stdin.end('{"jsonrpc":"2.0","id":2,"method":"ping"}');
    expect(await command.end(SOON_MS)).toEqual([0, null]);
    expect(command.messages().map(({ id }) => id)).toEqual(['initialize']);
    expect(command.stderr).toContain('ended within a line');
  });

  it('may never end a line, which does not fill the memory [SERVE-MALFORMED]', async () => {
    const command = run('serve', folder());
    await command.initialize();
    const chunk = Buffer.alloc(1_000_000, 'x');
    for (let index = 0; index < 200; index++) {
      if (!command.child.stdin.write(chunk)) {
        await new Promise((resolve) => command.child.stdin.once('drain', resolve));
      }
    }
    const status = readFileSync(`/proc/${command.child.pid}/status`, 'utf8');
    const peakKib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
    expect(peakKib).toBeLessThan(200_000);
    command.child.stdin.write('\n');
    expect(await command.request(1, 'ping')).toMatchObject({ result: {} });
  }, 30_000);
});

describe('the log of granary serve', () => {
  it('stands on stderr, and nothing but JSON-RPC on stdout [SERVE-STDERR]', async () => {
    const dir = folder({ a: 'a' });
    const command = run('serve', dir);
    await command.initialize();
    await command.request(1, 'resources/read', { uri: `${uriOf(dir)}/x\ny` });
    await command.request(2, 'no/such/method');
    await command.logged(/is watched/);
    command.child.stdin.end();
    await command.end();
    expect(command.messages()).toHaveLength(3);
    const lines = command.stderr.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(/^\d{4}-[-\dT:.]+Z (info|warn|error) /);
  });

  it('is one JSON object a line with --log json [SERVE-STDERR]', async () => {
    const dir = folder({ a: 'a' });
    const command = run('serve', dir, '--log', 'json');
    await command.initialize();
    command.child.stdin.write('not JSON\n');
    await command.request(1, 'resources/read', { uri: `${uriOf(dir)}/x\n{"level":"forged"}` });
    command.child.stdin.end();
    await command.end();
    const entries = command.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.map(({ level }) => level)).not.toContain('forged');
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'serving over stdio', folder: dir }),
    );
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'a message was ignored' }),
    );
    for (const { time } of entries) expect(Date.parse(String(time))).not.toBeNaN();
  });
});

describe('granary called wrongly', () => {
  it.each<[string, string[], RegExp]>([
    ['no command', [], /a command is missing/],
    ['an unknown command', ['store'], /unknown command "store"/],
    ['no folder', ['serve'], /DIR, the folder to serve, is missing/],
    ['an empty folder name', ['serve', ''], /DIR must be .* got ""/],
    ['two folders', ['serve', 'a', 'b'], /one DIR .* got 2: "a" "b"/],
    [
      'a folder that is not there',
      ['serve', '/no/such'],
      /DIR must be .*ENOENT.* got "\/no\/such"/,
    ],
    ['a file for a folder', ['serve', GRANARY], /DIR must be .*not a file, got ".*main\.js"/],
    ['an unknown log format', ['serve', '/tmp', '--log', 'x'], /--log must be text or json/],
    ['an unknown option', ['serve', '.', '--port', '1'], /unknown option --port, known are --http/],
    ['an option of Object', ['serve', '.', '--constructor'], /unknown option --constructor/],
    ['an unknown short option', ['serve', '.', '-x'], /unknown option -x/],
    ['an option twice', ['serve', '.', '--ttl', '1', '--ttl=2'], /--ttl is given twice/],
    ['a missing value', ['serve', '.', '--http'], /--http needs a value/],
    ['a flag with a value', ['serve', '--help=yes'], /--help takes no value, got "yes"/],
    ['a port too high', ['serve', '.', '--http', '65536'], /--http .* 0 to 65535 .* got "65536"/],
    ['a negative port', ['serve', '.', '--http', '-1'], /--http .* 0 to 65535 .* got "-1"/],
    ['an option for a value', ['serve', '.', '--http', '--log'], /--http .* got "--log"/],
    ['a port in words', ['serve', '.', '--http', 'http'], /--http .* got "http"/],
    [
      'a size with a unit',
      ['serve', '.', '--max-file', '1MB'],
      /--max-file .* \(bytes\), got "1MB"/,
    ],
    [
      'a size of which no answer could be made',
      ['serve', '.', '--max-file', '83886081'],
      /--max-file must be an integer from 0 to 83886080 \(bytes\)/,
    ],
    ['a size in hexadecimal', ['serve', '.', '--max-file', '0x10'], /--max-file .* got "0x10"/],
    ['a size beyond measure', ['serve', '.', '--max-bytes', '1e99'], /--max-bytes .* got "1e99"/],
    ['an empty size', ['serve', '.', '--max-bytes='], /--max-bytes .* from 1 to \d+ .* got ""/],
    ['no entries', ['serve', '.', '--max-entries', '0'], /--max-entries .* from 1 .* got "0"/],
    ['a fraction', ['serve', '.', '--ttl', '0.5'], /--ttl .* \(ms\), got "0.5"/],
    ['pages without files', ['serve', '.', '--page-size', '0'], /--page-size .* 1 to 10000/],
    ['no idle time', ['serve', '.', '--session-idle', '0'], /--session-idle .* from 1/],
  ])(
    'with %s: code 2, one line that names it, and the usage [SERVE-USAGE]',
    async (_what, args, says) => {
      const command = run(...args);
      expect(await command.end()).toEqual([2, null]);
      const [line, usage, ...rest] = command.stderr.trimEnd().split('\n');
      expect(line).toMatch(/^granary: /);
      expect(line).toMatch(says);
      expect(usage).toMatch(/^Usage: granary serve DIR/);
      expect(rest).toEqual([]);
      expect(command.stdout).toBe('');
    },
  );

  it('with a port that is taken: code 2, and the port [SERVE-USAGE]', async () => {
    const first = run('serve', folder(), '--http', '0');
    const [, port] = await first.logged(/127\.0\.0\.1:(\d+)/);
    const second = run('serve', folder(), '--http', port!);
    expect(await second.end()).toEqual([2, null]);
    expect(second.stderr).toMatch(
      new RegExp(`granary: --http must be a port that is free .*EADDRINUSE.* got ${port}`),
    );
  });

  it.runIf(process.getuid?.() === 0)(
    'with a folder that may not be read [SERVE-USAGE]',
    async () => {
      const dir = folder();
      execFileSync('chmod', ['700', dir]);
      execFileSync('chown', ['65534', dir]);
      // Root may read everything, but for what is another's once it has given that right up.
      const child = spawn('setpriv', [
        '--bounding-set=-dac_override,-dac_read_search',
        '--inh-caps=-dac_override,-dac_read_search',
        process.execPath,
        GRANARY,
        'serve',
        dir,
      ]);
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const code = await new Promise((resolve) => child.once('close', resolve));
      expect(stderr).toMatch(/DIR must be a folder that can be read \(EACCES\)/);
      expect(code).toBe(2);
    },
  );
});

describe('granary asked for help', () => {
  it.each([
    [['--help'], /granary COMMAND[^]*serve DIR/],
    [['serve', '--help'], /granary serve DIR \[options\]/],
    [['serve', '/no/such', '--help'], /granary serve DIR \[options\]/],
  ])('as %j: usage on stdout, code 0 [SERVE-USAGE]', async (args, says) => {
    const command = run(...args);
    expect(await command.end()).toEqual([0, null]);
    expect(command.stdout).toMatch(says);
    expect(command.stderr).toBe('');
    for (const line of command.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it.each([[['--help']], [['--version']], [['serve', '--help']], [['serve', '--version']]])(
    'as %j by somebody who does not read the answer: nothing more, code 0 [SERVE-USAGE]',
    async (args) => {
      const command = run(...args);
      command.child.stdout.destroy();
      expect(await command.end()).toEqual([0, null]);
      expect(command.stderr).toBe('');
    },
  );

  it.runIf(existsSync('/dev/full'))(
    'says why the answer could not be written, code 1 [SERVE-USAGE]',
    async () => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [GRANARY, '--help'], {
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      let stderr = '';
      child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
      expect(stderr).toMatch(/^granary: the output failed: ENOSPC.*\n$/);
    },
  );

  it('names every option that there is, with its default [SERVE-USAGE]', async () => {
    const help = run('serve', '--help');
    await help.end();
    const wrong = run('serve', '--unknown');
    await wrong.end();
    const known = wrong.stderr.match(/--[a-z-]+/g)?.filter((name) => name !== '--unknown') ?? [];
    expect(known.length).toBeGreaterThan(8);
    for (const option of known) expect(help.stdout).toContain(option);
    for (const usual of ['10485760', '900000', '10000', '104857600', '1800000']) {
      expect(help.stdout).toContain(usual);
    }
  });

  it.each([[['--version']], [['serve', '--version']]])(
    'as %j: the version of the package [SERVE-USAGE]',
    async (args) => {
      const command = run(...args);
      expect(await command.end()).toEqual([0, null]);
      expect(command.stdout).toBe(`${VERSION}\n`);
    },
  );
});

describe('granary serve without the SDK', () => {
  it.each([[[]], [['--http', '0']]])('says what to install %j [MCP-PEER]', async (mode) => {
    const project = folder({ 'files/a': 'a' });
    cpSync(path.join(ROOT, 'dist'), path.join(project, 'dist'), { recursive: true });
    cpSync(path.join(ROOT, 'package.json'), path.join(project, 'package.json'));
    mkdirSync(path.join(project, 'node_modules'));
    for (const name of readdirSync(path.join(ROOT, 'node_modules'))) {
      if (name.startsWith('.') || name === '@modelcontextprotocol') continue;
      const from = realpathSync(path.join(ROOT, 'node_modules', name));
      symlinkSync(from, path.join(project, 'node_modules', name));
    }
    symlinkSync(path.join(ROOT, 'crates'), path.join(project, 'crates'));
    const entry = path.join(project, 'dist/cli/main.js');
    const command = runAt(entry, 'serve', path.join(project, 'files'), ...mode);
    expect(await command.end(SOON_MS)).toEqual([1, null]);
    expect(command.stderr).toMatch(
      /granary: .*@modelcontextprotocol\/sdk .*not installed: npm install @modelcontextprotocol\/sdk/,
    );
    expect(command.stderr).not.toMatch(/\n\s+at /);
    expect(command.stdout).toBe('');
  });
});

/** A user namespace has limits of its own; not every machine lets one be made. */
const LIMITED = 'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"';
const canLimit =
  spawnSync('unshare', ['-Ur', 'sh', '-c', LIMITED, 'sh', 'true'], { stdio: 'ignore' }).status ===
  0;

describe('granary serve where the system has no watches left', () => {
  it.runIf(canLimit)('says so once, lists and reads [SERVE-WATCH]', async () => {
    const dir = folder({ 'a/a': 'a', 'b/b': 'b', 'c/c': 'c' });
    const command = [process.execPath, GRANARY, 'serve', dir];
    const child = spawn('unshare', ['-Ur', 'sh', '-c', LIMITED, 'sh', ...command]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"resources/list"}\n');
    await until('the list', () => (stdout.includes('"id":1') ? true : undefined));
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    const { result } = JSON.parse(stdout) as { result: { resources: { name: string }[] } };
    expect(result.resources.map(({ name }) => name)).toEqual(['a/a', 'b/b', 'c/c']);
    expect(stderr.match(/raise fs\.inotify\.max_user_watches/g)).toHaveLength(1);
  });
});

describe('a process of granary serve', () => {
  it('holds no file open that it has served, and no timer back [SERVE-END]', async () => {
    const dir = folder({ a: 'a', large: 'x'.repeat(1_000) });
    const command = run('serve', dir, '--max-file', '100', '--ttl', '1');
    await command.initialize();
    await command.logged(/is watched/);
    const openFiles = () => readdirSync(`/proc/${command.child.pid}/fd`).length;
    await command.request('warm', 'resources/read', { uri: uriOf(dir, 'a') });
    const before = openFiles();
    for (let id = 0; id < 300; id++) {
      const name = ['a', 'large', 'missing', '..'][id % 4]!;
      await command.request(id, 'resources/read', { uri: `${uriOf(dir)}/${name}` });
    }
    expect(openFiles()).toBeLessThanOrEqual(before);
    writeFileSync(path.join(dir, 'a'), 'changed');
    await until('the change', () => {
      command.send({ id: 'again', method: 'resources/read', params: { uri: uriOf(dir, 'a') } });
      return command.stdout.includes('"text":"changed"') ? true : undefined;
    });
    command.child.stdin.end();
    const start = performance.now();
    expect(await command.end(SOON_MS)).toEqual([0, null]);
    // Well below the last call: the process ended because nothing was left to do.
    expect(performance.now() - start).toBeLessThan(1_500);
  });
});
