import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { DumpSpool } from '../../src/cache/dump-spool.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** Files that this process holds open below a folder, by their modes; those without a name too. */
async function openFilesBelow(folder: string): Promise<number[]> {
  const modes: number[] = [];
  for (const fd of await readdir('/proc/self/fd')) {
    const link = `/proc/self/fd/${fd}`;
    const file = await readlink(link).catch(() => '');
    if (file.startsWith(folder)) modes.push((await stat(link)).mode & 0o777);
  }
  return modes;
}

describe('the spool of a restore', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'granary-spool-'));
    vi.stubEnv('TMPDIR', folder);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('gives back what was written, from memory and from a file [DUMP-SPOOL]', async () => {
    const spool = new DumpSpool();
    const written = Array.from({ length: 21 }, () => randomBytes(1_000_000));
    for (const bytes of written) {
      const memory = Buffer.from(bytes);
      await spool.write(memory);
      // The source may use its memory again.
      memory.fill(0);
    }
    const files = await openFilesBelow(folder);
    if (process.platform === 'linux') expect(files).toEqual([0o600]);
    expect(await readdir(folder)).toEqual([]);
    const read: Buffer[] = [];
    for await (const piece of spool.read()) read.push(Buffer.from(piece));
    expect(Buffer.concat(read).equals(Buffer.concat(written))).toBe(true);
    await spool.close();
    expect(await openFilesBelow(folder)).toEqual([]);
  });

  it('takes no file for what fits in memory [DUMP-SPOOL]', async () => {
    const spool = new DumpSpool();
    await spool.write(Buffer.alloc(8 * 1024 * 1024));
    expect(await openFilesBelow(folder)).toEqual([]);
    await spool.write(Buffer.alloc(1));
    expect(await openFilesBelow(folder)).toHaveLength(1);
    await spool.close();
  });

  it('leaves nothing behind, however a restore ends [DUMP-SPOOL]', async () => {
    const clock = new ManualClock();
    const options = { clock, maxBytes: 2 ** 30 };
    using cache = new ResourceCache<Buffer>(options);
    for (let n = 0; n < 12; n++) cache.set(`mem://${n}`, randomBytes(1_000_000));
    const bytes = await dumpBytes(cache.dump());
    using whole = new ResourceCache<Buffer>(options);
    await whole.restore([bytes]);
    expect(whole.size).toBe(12);
    expect(whole.get('mem://11')?.equals(cache.get('mem://11')!)).toBe(true);
    using refused = new ResourceCache<Buffer>(options);
    await granaryFailure(() => refused.restore([bytes.subarray(0, -1)]), 'ERR_GRANARY_BAD_DUMP');
    const failure = new Error('the disk is gone');
    const failing = (function* () {
      yield bytes.subarray(0, -1);
      throw failure;
    })();
    await expect(refused.restore(failing)).rejects.toBe(failure);
    const closed = new ResourceCache<Buffer>(options);
    const source = (function* () {
      yield bytes;
      closed.close();
    })();
    await granaryFailure(() => closed.restore(source), 'ERR_GRANARY_CLOSED');
    expect(refused.size).toBe(0);
    expect(await readdir(folder)).toEqual([]);
    expect(await openFilesBelow(folder)).toEqual([]);
  });

  it('tells why a file cannot be written [DUMP-SPOOL]', async () => {
    vi.stubEnv('TMPDIR', path.join(folder, 'none'));
    using cache = new ResourceCache<Buffer>({ maxBytes: 2 ** 30 });
    cache.set('mem://large', randomBytes(9_000_000));
    using next = new ResourceCache<Buffer>({ maxBytes: 2 ** 30 });
    await expect(next.restore(cache.dump())).rejects.toMatchObject({ code: 'ENOENT' });
    expect(next.size).toBe(0);
  });
});
