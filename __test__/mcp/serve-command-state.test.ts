import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, describe, expect, it } from 'vitest';

import { commandFixture, type RunningCommand } from '../support/granary-command.ts';

const { folder, run } = commandFixture();
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

interface Serving {
  readonly command: RunningCommand;
  read(file: string): Promise<unknown>;
  /** How often files were read since the start. */
  loads(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the command, and waits until it has done all that it does at a start. */
async function serve(dir: string, state: string, started = /starts warm/): Promise<Serving> {
  const command = run('serve', dir, '--state', state, '--http', '0');
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  await command.logged(/is watched/);
  if (existsSync(state)) await command.logged(started);
  const client = new Client({ name: 'test', version: '1' });
  clients.push(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const health = async () =>
    (await (await fetch(new URL('/healthz', url))).json()) as { cache: { loads: number } };
  return {
    command,
    read: async (file) => {
      const { contents } = await client.readResource({ uri: pathToFileURL(file).href });
      const [part] = contents;
      return part && 'text' in part ? part.text : undefined;
    },
    loads: async () => (await health()).cache.loads,
    stop: async () => {
      command.child.kill('SIGTERM');
      expect(await command.end()).toEqual([0, null]);
    },
  };
}

describe('granary serve --state', () => {
  it('serves after a restart what it had cached, without reading it [SERVE-STATE]', async () => {
    const dir = folder({ 'a.md': 'A', 'b/c.md': 'C', 'never.md': 'N' });
    const state = path.join(folder(), 'state');
    const first = await serve(dir, state);
    expect(await first.read(path.join(dir, 'a.md'))).toBe('A');
    expect(await first.read(path.join(dir, 'b/c.md'))).toBe('C');
    await first.stop();
    expect(statSync(state).mode & 0o777).toBe(0o600);
    expect(readdirSync(path.dirname(state))).toEqual(['state']);

    const second = await serve(dir, state);
    expect(second.command.stderr).toMatch(/starts warm.*restored=2/);
    expect(await second.read(path.join(dir, 'a.md'))).toBe('A');
    expect(await second.read(path.join(dir, 'b/c.md'))).toBe('C');
    expect(await second.loads()).toBe(0);
    // It is watched as ever.
    writeFileSync(path.join(dir, 'a.md'), 'changed');
    await expect
      .poll(() => second.read(path.join(dir, 'a.md')), { timeout: 5_000 })
      .toBe('changed');
    await second.stop();

    // What came from the state goes into the next one too.
    const third = await serve(dir, state);
    expect(await third.read(path.join(dir, 'b/c.md'))).toBe('C');
    expect(await third.loads()).toBe(0);
    await third.stop();
  });

  it('saves at the end of input over stdio [SERVE-STATE]', async () => {
    const dir = folder({ 'a.md': 'A' });
    const state = path.join(folder(), 'state');
    const command = run('serve', dir, '--state', state);
    await command.logged(/is watched/);
    await command.initialize();
    const uri = pathToFileURL(path.join(dir, 'a.md')).href;
    await command.request(1, 'resources/read', { uri });
    command.child.stdin.end();
    expect(await command.end()).toEqual([0, null]);
    const next = await serve(dir, state);
    expect(next.command.stderr).toMatch(/restored=1/);
    await next.stop();
  });

  it('reads anew what changed while it was down, however [SERVE-STATE-CURRENT]', async () => {
    const names = ['edited', 'same-size', 'replaced', 'removed', 'linked', 'kept'];
    const dir = folder(Object.fromEntries(names.map((name) => [name, 'old'])));
    const at = (name: string) => path.join(dir, name);
    const state = path.join(folder(), 'state');
    symlinkSync(at('kept'), at('link'));
    utimesSync(at('same-size'), 1e9, 1e9);
    const first = await serve(dir, state);
    for (const name of [...names, 'link']) expect(await first.read(at(name))).toBe('old');
    await first.stop();

    writeFileSync(at('edited'), 'edited since');
    // Neither size nor time of modification tell.
    writeFileSync(at('same-size'), 'new');
    utimesSync(at('same-size'), 1e9, 1e9);
    writeFileSync(at('other'), 'new');
    renameSync(at('other'), at('replaced'));
    rmSync(at('removed'));
    writeFileSync(path.join(dir, 'target'), 'new');
    rmSync(at('linked'));
    symlinkSync(path.join(dir, 'target'), at('linked'));
    rmSync(at('link'));
    symlinkSync(path.join(dir, 'target'), at('link'));

    const second = await serve(dir, state);
    expect(second.command.stderr).toMatch(/restored=1/);
    expect(await second.read(at('edited'))).toBe('edited since');
    expect(await second.read(at('same-size'))).toBe('new');
    expect(await second.read(at('replaced'))).toBe('new');
    await expect(second.read(at('removed'))).rejects.toMatchObject({ code: -32_002 });
    expect(await second.read(at('linked'))).toBe('new');
    expect(await second.read(at('link'))).toBe('new');
    expect(await second.loads()).toBe(6);
    expect(await second.read(at('kept'))).toBe('old');
    expect(await second.loads()).toBe(6);
    await second.stop();
  });

  it('hears of changes behind links, as without [SERVE-STATE-CURRENT]', async () => {
    const dir = folder({ file: 'old' });
    const link = path.join(dir, 'link');
    symlinkSync(path.join(dir, 'file'), link);
    const { read, stop } = await serve(dir, path.join(folder(), 'state'));
    expect(await read(link)).toBe('old');
    writeFileSync(path.join(dir, 'file'), 'new');
    await expect.poll(() => read(link), { timeout: 5_000 }).toBe('new');
    await stop();
  });

  it('keeps to other limits and another folder than those of the last run [SERVE-STATE-CURRENT]', async () => {
    const dir = folder({ 'small.md': 's', 'large.md': 'x'.repeat(1_000), 'sub/in.md': 'in' });
    const state = path.join(folder(), 'state');
    const first = await serve(dir, state);
    for (const name of ['small.md', 'large.md', 'sub/in.md'])
      await first.read(path.join(dir, name));
    await first.stop();
    const limited = run('serve', dir, '--state', state, '--max-file', '500');
    await limited.logged(/starts warm.*restored=2/);
    limited.child.stdin.end();
    await limited.end();
    const narrowed = run('serve', path.join(dir, 'sub'), '--state', state);
    await narrowed.logged(/starts warm.*restored=1/);
    narrowed.child.stdin.end();
    expect(await narrowed.end()).toEqual([0, null]);
  });

  it('puts a bad state aside, says so, and starts cold [SERVE-STATE-SAFE]', async () => {
    const dir = folder({ 'a.md': 'A' });
    const place = folder();
    const state = path.join(place, 'state');
    const first = await serve(dir, state);
    await first.read(path.join(dir, 'a.md'));
    await first.stop();
    const bytes = readFileSync(state);
    const bad = bytes.subarray(0, -1);
    writeFileSync(state, bad);

    const second = await serve(dir, state, /put aside/);
    expect(second.command.stderr).toMatch(/warn.*put aside.*ends too early/i);
    expect(await second.read(path.join(dir, 'a.md'))).toBe('A');
    expect(await second.loads()).toBe(1);
    await second.stop();
    const [good, aside] = readdirSync(place).toSorted();
    expect(good).toBe('state');
    expect(aside).toMatch(/^state\.bad-\d{4}-/);
    expect(readFileSync(path.join(place, aside!)).equals(bad)).toBe(true);
    const third = await serve(dir, state);
    expect(third.command.stderr).toMatch(/restored=1/);
    await third.stop();
  });

  it('keeps the last state where it is killed, or cannot save [SERVE-STATE-SAFE]', async () => {
    const dir = folder({ 'a.md': 'A', 'b.md': 'B' });
    const place = folder();
    const state = path.join(place, 'state');
    const first = await serve(dir, state);
    await first.read(path.join(dir, 'a.md'));
    await first.stop();
    const saved = readFileSync(state);

    const killed = await serve(dir, state);
    await killed.read(path.join(dir, 'b.md'));
    killed.command.child.kill('SIGKILL');
    await killed.command.end();
    expect(readFileSync(state).equals(saved)).toBe(true);

    const hindered = await serve(dir, state);
    await hindered.read(path.join(dir, 'b.md'));
    rmSync(place, { recursive: true });
    await hindered.stop();
    expect(hindered.command.stderr).toMatch(/warn.*the state cannot be saved/i);
  });

  it('does not replace a state that it has not taken in yet [SERVE-STATE-SAFE]', async () => {
    const dir = folder({ 'a.md': 'A' });
    const state = path.join(folder(), 'state');
    const first = await serve(dir, state);
    await first.read(path.join(dir, 'a.md'));
    await first.stop();
    const saved = readFileSync(state);
    const hasty = run('serve', dir, '--state', state);
    hasty.child.stdin.end();
    expect(await hasty.end()).toEqual([0, null]);
    if (!/starts warm/.test(hasty.stderr)) expect(readFileSync(state).equals(saved)).toBe(true);
    const next = await serve(dir, state);
    expect(next.command.stderr).toMatch(/restored=1/);
    await next.stop();
  });

  it('refuses a place that cannot be one [SERVE-USAGE]', async () => {
    const dir = folder({ 'a.md': 'A' });
    const place = folder();
    for (const [state, reason] of [
      [path.join(dir, 'state'), /must lie outside of DIR/],
      [place, /--state must be a file that can be read and written/],
      [path.join(place, 'none', 'state'), /\(ENOENT\)/],
      ['', /--state must be the path of a file/],
    ] as const) {
      const command = run('serve', dir, '--state', state);
      expect(await command.end()).toEqual([2, null]);
      expect(command.stderr).toMatch(reason);
    }
  });
});
