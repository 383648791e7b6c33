import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EnhancedResourceManager, ToolWalls } from '../../src/governor/index.ts';
import { knownUse } from './known-use.ts';

const MIB = 1_048_576;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with the files of a control group; nothing is limited by it. */
function groupFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-group-'));
  folders.push(folder);
  for (const name of ['cgroup.procs', 'cgroup.subtree_control']) {
    writeFileSync(path.join(folder, name), files[name] ?? '');
  }
  return folder;
}

const controllers = ['cpu', 'memory', 'pids'];
describe('ToolWalls', () => {
  it('divides a group that was given to this process [LIMITS-WALLS]', () => {
    const folder = groupFolder({ 'cgroup.procs': `${process.pid}\n` });
    const walls = ToolWalls.open({ folder, controllers });
    expect(walls).toBeInstanceOf(ToolWalls);
    const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
    expect(read('cgroup.subtree_control')).toBe('+memory +pids');
    expect(read(`granary-${process.pid}/cgroup.procs`)).toBe(`${process.pid}`);
    const wall = (walls as ToolWalls).surround(4_711);
    wall.set({ memoryBytes: 64 * MIB + 0.5, pids: Infinity });
    const tool = `granary-${process.pid}-tool-1`;
    expect(read(`${tool}/cgroup.procs`)).toBe('4711');
    expect(read(`${tool}/memory.max`)).toBe(String(64 * MIB + 1));
    expect(read(`${tool}/pids.max`)).toBe('max');
  });

  it.each([
    ['there is none', () => undefined, /no control group of version 2/],
    [
      'a controller is missing',
      () => ({ folder: groupFolder(), controllers: ['cpu', 'memory'] }),
      /no controller for pids/,
    ],
    [
      'others are in it',
      () => ({ folder: groupFolder({ 'cgroup.procs': `1\n${process.pid}\n` }), controllers }),
      /1 other processes are in the control group/,
    ],
    [
      'it may not be written',
      () => ({ folder: path.join(groupFolder(), 'missing'), controllers }),
      /was not delegated to this process/,
    ],
  ])('says why not where %s [LIMITS-WALLS]', (_what, group, reason) => {
    expect(ToolWalls.open(group())).toMatch(reason);
  });

  it('says once why the kernel limits nothing here [LIMITS-WALLS]', async () => {
    const infos: string[] = [];
    const quiet = (): void => undefined;
    const logger = { debug: quiet, warn: quiet, error: quiet, info: (m: string) => infos.push(m) };
    const governor = new EnhancedResourceManager({ logger });
    const told: unknown[] = [];
    governor.on('unavailable', ({ reason }) => told.push(reason));
    governor.initializeTool('one', undefined, undefined, { isolation: 'process' });
    governor.initializeTool('two', undefined, undefined, { isolation: 'process' });
    await governor.execute('one', knownUse('echo', 1));
    await governor.execute('two', knownUse('echo', 1));
    await governor.close();
    expect(told).toHaveLength(1);
    expect(infos).toHaveLength(1);
  });
});
