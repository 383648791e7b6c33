import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readBounded } from '../../src/files/bounded-read.ts';
import { isBelow, openConfined } from '../../src/files/confined-file.ts';
import { FileList } from '../../src/files/file-list.ts';
import { FileUris } from '../../src/files/file-uris.ts';

let area: string;
let root: string;

beforeEach(() => {
  area = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-files-')));
  root = path.join(area, 'served');
  mkdirSync(path.join(root, 'sub'), { recursive: true });
  mkdirSync(path.join(area, 'served-evil'));
  writeFileSync(path.join(root, 'a.txt'), 'inside');
  writeFileSync(path.join(area, 'served-evil/a.txt'), 'outside');
});

afterEach(() => rmSync(area, { recursive: true, force: true }));

const at = (...names: string[]) => path.join(root, ...names);

/** Makes a link in the folder. @returns its path */
function link(target: string): string {
  symlinkSync(target, at('link'));
  return at('link');
}

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

async function contentOf(file: string): Promise<string | undefined> {
  const opened = await openConfined(root, file);
  if (opened === undefined) return undefined;
  try {
    return (await readBounded(opened, 1_000, new AbortController().signal))?.toString();
  } finally {
    await opened.handle.close();
  }
}

async function listed(): Promise<string[]> {
  const list = new FileList(root, new FileUris(root));
  await list.fill();
  return Array.from(list.resources(), ({ name }) => name ?? '').sort();
}

describe('a file below the folder', () => {
  it('is opened, and its real path told [SERVE-CONFINED]', async () => {
    const file = await openConfined(root, at('a.txt'));
    expect(file).toMatchObject({ realPath: at('a.txt') });
    await file?.handle.close();
  });

  it('may be a link to a file that lies below it too [SERVE-CONFINED]', async () => {
    symlinkSync('../a.txt', at('sub/link'));
    expect(await contentOf(at('sub/link'))).toBe('inside');
    expect(await listed()).toEqual(['a.txt', 'sub/link']);
  });

  it('may have a name that ends as the system marks removed files [SERVE-CONFINED]', async () => {
    writeFileSync(at('x (deleted)'), 'here');
    expect(await contentOf(at('x (deleted)'))).toBe('here');
  });

  it('is compared by whole names [SERVE-ESCAPES]', () => {
    expect(isBelow('/dir', '/dir/a')).toBe(true);
    expect(isBelow('/dir', '/dir-evil/a')).toBe(false);
    expect(isBelow('/dir', '/dir')).toBe(false);
    expect(isBelow('/', '/etc/passwd')).toBe(true);
  });
});

// The system tells where an open file lies on Linux; elsewhere paths are compared with what was opened.
describe.each(['linux', 'darwin'] as const)('what is not served on %s', (platform) => {
  const actual = process.platform;
  beforeEach(() => void Object.defineProperty(process, 'platform', { value: platform }));
  afterEach(() => void Object.defineProperty(process, 'platform', { value: actual }));

  it('is told from a link that stays inside [SERVE-CONFINED]', async () => {
    expect(await contentOf(link('a.txt'))).toBe('inside');
  });

  it.each<[string, () => string]>([
    ['a missing file', () => at('missing')],
    ['a file taken for a folder', () => at('a.txt/b')],
    ['a folder', () => at('sub')],
    ['a name that is too long', () => at('x'.repeat(300))],
    ['a link to a file outside', () => link(path.join(area, 'served-evil/a.txt'))],
    ['a relative link outside', () => link('../served-evil/a.txt')],
    ['a link to nothing', () => link('nowhere')],
    ['a link to itself', () => link('link')],
    [
      'a chain of links outside',
      () => (link('hop'), symlinkSync('/etc/hosts', at('hop')), at('link')),
    ],
    ['a file behind a link to a folder outside', () => path.join(link('../served-evil'), 'a.txt')],
    [
      'a file behind a link that leads out and back in',
      () => path.join(link('..'), 'served/a.txt'),
    ],
    ['a device', () => link('/dev/zero')],
    ['a file that may not be looked at', () => path.join(link('/proc/1/fd'), '0')],
  ])('is %s [SERVE-CONFINED]', async (_what, make) => {
    const before = await openFiles();
    expect(await contentOf(make())).toBeUndefined();
    expect(await listed()).toEqual(['a.txt']);
    expect(await openFiles()).toBe(before);
  });
});

describe('what is not served', () => {
  it('is a FIFO, and asking for it does not hang [SERVE-CONFINED]', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    expect(await contentOf(at('fifo'))).toBeUndefined();
    expect(await listed()).toEqual(['a.txt']);
  });

  it('is a socket [SERVE-CONFINED]', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
    try {
      expect(await contentOf(at('socket'))).toBeUndefined();
      expect(await listed()).toEqual(['a.txt']);
    } finally {
      server.close();
    }
  });

  it('is anything outside, however often the path changes under the read [SERVE-CONFINED]', async () => {
    writeFileSync(at('inside'), 'inside');
    symlinkSync('../served-evil/a.txt', at('outside'));
    const until = new AbortController();
    let swaps = 0;
    const swap = async (): Promise<void> => {
      for (; !until.signal.aborted; swaps++) {
        unlinkSync(at('sub'));
        symlinkSync(swaps % 2 === 0 ? '../served-evil' : '.', at('sub'));
        // Sometimes at once, sometimes long enough for a read to end in between.
        await new Promise((resolve) => setTimeout(resolve, swaps % 4));
      }
    };
    rmSync(at('sub'), { recursive: true });
    symlinkSync('.', at('sub'));
    const swapper = swap();
    const seen = new Set<string | undefined>();
    for (let read = 0; read < 2_000 || swaps <= 100 || !seen.has('inside'); read++) {
      seen.add(await contentOf(at('sub/a.txt')));
    }
    until.abort();
    await swapper;
    expect(swaps).toBeGreaterThan(100);
    expect(seen).not.toContain('outside');
    expect(seen).toContain('inside');
  });

  it('is not a file that keeps being replaced: that is read each time [SERVE-CONFINED]', async () => {
    const until = new AbortController();
    const replace = async (): Promise<void> => {
      for (let turn = 0; !until.signal.aborted; turn++) {
        writeFileSync(at('next'), `inside ${turn}`);
        renameSync(at('next'), at('a.txt'));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const replacer = replace();
    const seen: (string | undefined)[] = [];
    for (let read = 0; read < 1_000; read++) seen.push(await contentOf(at('a.txt')));
    until.abort();
    await replacer;
    expect(seen.filter((content) => !content?.startsWith('inside'))).toEqual([]);
    expect(new Set(seen).size).toBeGreaterThan(100);
  });
});

describe('the list', () => {
  it('does not follow links to folders, nor circles of them [SERVE-CONFINED]', async () => {
    writeFileSync(at('sub/b.txt'), 'b');
    symlinkSync('..', at('sub/up'));
    symlinkSync('sub', at('again'));
    symlinkSync('/', at('everything'));
    expect(await listed()).toEqual(['a.txt', 'sub/b.txt']);
  });

  it('has name, size, type and time of each file [SERVE-MIME]', async () => {
    writeFileSync(at('sub/b c.md'), '# b');
    const list = new FileList(root, new FileUris(root));
    await list.fill();
    expect([...list.resources()].find(({ name }) => name === 'sub/b c.md')).toEqual({
      uri: `file://${root}/sub/b%20c.md`,
      name: 'sub/b c.md',
      mimeType: 'text/markdown',
      size: 3,
      annotations: { lastModified: expect.stringMatching(/^20\d\d-.*Z$/) as string },
    });
  });

  it('tells what appeared and what went [SERVE-WATCH]', async () => {
    const list = new FileList(root, new FileUris(root));
    await list.fill();
    expect(await list.refresh(at('a.txt'))).toBe(false);
    writeFileSync(at('new.txt'), '');
    expect(await list.refresh(at('new.txt'))).toBe(true);
    unlinkSync(at('new.txt'));
    expect(await list.refresh(at('new.txt'))).toBe(true);
    expect(await list.refresh(at('new.txt'))).toBe(false);
    expect(list.size).toBe(1);
  });

  it('names nothing below a folder that has become a link [SERVE-CONFINED]', async () => {
    writeFileSync(at('sub/b.txt'), 'b');
    const list = new FileList(root, new FileUris(root));
    await list.fill();
    renameSync(at('sub'), at('moved'));
    symlinkSync('moved', at('sub'));
    expect(await list.refresh(at('sub/b.txt'))).toBe(true);
    expect(Array.from(list.resources(), ({ name }) => name)).not.toContain('sub/b.txt');
  });

  it('goes on where a folder may not be read [SERVE-CONFINED]', async () => {
    mkdirSync(at('closed'));
    chmodSync(at('closed'), 0o000);
    expect(await listed()).toEqual(['a.txt']);
  });
});

describe('a bounded read', () => {
  const never = new AbortController().signal;

  async function read(file: string, maxBytes: number): Promise<Buffer | undefined> {
    const opened = await openConfined(root, file);
    try {
      return opened && (await readBounded(opened, maxBytes, never));
    } finally {
      await opened?.handle.close();
    }
  }

  it('takes files up to the bound and no larger ones [SERVE-MAX-FILE]', async () => {
    writeFileSync(at('four'), '1234');
    expect((await read(at('four'), 4))?.toString()).toBe('1234');
    expect(await read(at('four'), 3)).toBeUndefined();
    writeFileSync(at('none'), '');
    expect((await read(at('none'), 0))?.length).toBe(0);
  });

  it('reads a file that has grown since it was opened, up to the bound [SERVE-MAX-FILE]', async () => {
    writeFileSync(at('log'), 'begin');
    const opened = await openConfined(root, at('log'));
    writeFileSync(at('log'), `begin${'x'.repeat(200_000)}`);
    try {
      expect(await readBounded(opened!, 100_000, never)).toBeUndefined();
    } finally {
      await opened?.handle.close();
    }
    expect((await read(at('log'), 200_005))?.length).toBe(200_005);
  });

  it('reads files that do not tell their size [SERVE-MAX-FILE]', async () => {
    const opened = await openConfined('/proc', '/proc/self/status');
    // The link of proc leads to /proc/<pid>, below the root; its files have size 0.
    expect(opened?.stats.size).toBe(0);
    try {
      expect((await readBounded(opened!, 100_000, never))?.toString()).toMatch(/^Name:/);
    } finally {
      await opened?.handle.close();
    }
  });
});
