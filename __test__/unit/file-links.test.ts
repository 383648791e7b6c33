import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FileOrigin } from '../../src/files/file-origin.ts';
import { linksOn } from '../../src/files/link-chain.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { until } from '../support/granary-command.ts';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-links-')));
  for (const folder of ['s', 'one', 'two']) {
    mkdirSync(path.join(root, folder));
    writeFileSync(path.join(root, folder, 'f.txt'), folder);
  }
  writeFileSync(path.join(root, 'a.txt'), 'A');
  writeFileSync(path.join(root, 'b.txt'), 'B');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => path.join(root, name);
const uriOf = (name: string) => pathToFileURL(at(name)).href;

/** In one step, as a deployment does, so that at no moment there is no link. */
function retarget(link: string, target: string): void {
  symlinkSync(target, at('.new'));
  renameSync(at('.new'), at(link));
}

describe('the links on the way to a file', () => {
  it('are all found, wherever they lie [SERVE-WATCH]', async () => {
    symlinkSync('a.txt', at('l2'));
    symlinkSync('../l2', at('s/l1'));
    symlinkSync(root, at('one/up'));
    symlinkSync('one', at('current'));
    symlinkSync('current/up/./s//l1', at('all'));
    const links = async (name: string) =>
      (await linksOn(root, at(name))).map((link) => path.relative(root, link));
    expect(await links('a.txt')).toEqual([]);
    expect(await links('missing/x')).toEqual([]);
    expect(await links('s/l1')).toEqual(['s/l1', 'l2']);
    expect(await links('all')).toEqual(['all', 'current', 'one/up', 's/l1', 'l2']);
  });

  it('end where they lead in a circle [SERVE-WATCH]', async () => {
    symlinkSync('y', at('x'));
    symlinkSync('x', at('y'));
    expect(new Set(await linksOn(root, at('x')))).toEqual(new Set([at('x'), at('y')]));
  });
});

describe('what is read through a chain of links', () => {
  let manager: ResourceManager;
  let origin: FileOrigin;

  async function watchFolder(): Promise<void> {
    manager = new ResourceManager();
    let isWatched = false;
    const logger = { debug() {}, info: () => void (isWatched = true), warn() {}, error() {} };
    origin = await FileOrigin.open(root, manager, {
      maxFileBytes: 1_000,
      logger,
      versioned: false,
    });
    origin.watch();
    await until('the watch', () => isWatched || undefined);
  }

  afterEach(async () => {
    await origin.close();
    manager.close();
  });

  const textOf = async (name: string) => (await manager.read(uriOf(name))).contents[0]?.text;

  it.each<[string, string, string, string, string, () => void, [string, string]]>([
    ['a link', 'l2', 'a.txt', 's/l1', '../l2', () => retarget('l2', 'b.txt'), ['A', 'B']],
    [
      'a link to a folder',
      'current',
      'one',
      's/l1',
      '../current/f.txt',
      () => retarget('current', 'two'),
      ['one', 'two'],
    ],
  ])(
    'follows %s in its middle [SERVE-WATCH]',
    async (_what, inner, innerTarget, outer, outerTarget, change, [before, after]) => {
      symlinkSync(innerTarget, at(inner));
      symlinkSync(outerTarget, at(outer));
      await watchFolder();
      expect(await textOf(outer)).toBe(before);
      let told = 0;
      const end = manager.watch(uriOf(outer), () => told++);
      change();
      await until('the news', () => (told > 0 ? true : undefined));
      expect(await textOf(outer)).toBe(after);
      end();
    },
  );
});
