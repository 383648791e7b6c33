import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { FileOrigin } from '../../src/files/file-origin.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { ManualClock } from '../support/manual-clock.ts';

const TTL_MS = 1_000;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

let root: string;
let manager: ResourceManager;
let origin: FileOrigin;
let clock: ManualClock;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-files-')));
  clock = new ManualClock();
  manager = new ResourceManager({ clock, ttlMs: TTL_MS });
  origin = await FileOrigin.open(root, manager, { maxFileBytes: 1_000, logger, versioned: false });
});

afterEach(async () => {
  await origin.close();
  manager.close();
  rmSync(root, { recursive: true, force: true });
});

/** As it is read once its time is over. */
async function readLater(name: string): Promise<ReadResult> {
  clock.advance(TTL_MS + 1);
  return manager.read(pathToFileURL(path.join(root, name)).href);
}

it('asks a file whether it is as it was, and reads it when it is not [REVALIDATE-FILES]', async () => {
  writeFileSync(path.join(root, 'a.txt'), 'first');
  // What has just changed may change again within the same tick of the file system: that is read anew.
  let known = await readLater('a.txt');
  await expect
    .poll(async () => {
      const { revalidations } = manager.stats();
      const before = known;
      known = await readLater('a.txt');
      return manager.stats().revalidations > revalidations && known === before;
    })
    .toBe(true);
  expect(known.contents[0]?.text).toBe('first');
  writeFileSync(path.join(root, 'a.txt'), 'second');
  expect((await readLater('a.txt')).contents[0]?.text).toBe('second');
  rmSync(path.join(root, 'a.txt'));
  await expect(readLater('a.txt')).rejects.toMatchObject({ code: 'ERR_GRANARY_NO_MATCH' });
});
