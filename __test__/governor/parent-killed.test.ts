import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDescendants } from '../../src/governor/process-tree.ts';
import { eventually, isRunning } from './known-use.ts';

describe('a process that is killed while its tools run', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'takes them with it, however it is ended: %s [ISOLATION-PARENT]',
    async (signal) => {
      const program = fileURLToPath(new URL('parent-killed.child.mjs', import.meta.url));
      const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pids = JSON.parse(line.toString()) as readonly number[];
      const all = [...readDescendants(parent.pid ?? 0), ...pids];
      expect(all.length).toBeGreaterThan(5);
      expect(all.filter(isRunning)).toEqual(all);
      parent.kill(signal);
      await once(parent, 'exit');
      expect(await eventually(() => !all.some(isRunning))).toBe(true);
    },
  );
});
