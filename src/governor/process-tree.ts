import { readdirSync, readFileSync } from 'node:fs';

/** One process, as its kernel counts it. */
export interface ProcessFigures {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly isZombie: boolean;
  /** Of its own and of the children that it has waited for, in ms. */
  readonly cpuMs: number;
  /** Of the children that it has waited for alone, in ms. */
  readonly childrenCpuMs: number;
  /** Page faults of the children that it has waited for: none had ended while this stands still. */
  readonly childrenFaults: number;
  readonly residentBytes: number;
  /** In ticks since the machine has started: another process of the same number has another. */
  readonly startedAt: number;
}

/** Linux counts CPU time in units of 1/100 s wherever Node runs. */
const MS_A_TICK = 10;
const PAGE_BYTES = 4_096;

/** @returns what is known of a process; `undefined` if it is gone. */
export function readProcess(pid: number): ProcessFigures | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, a parenthesis too.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const field = (at: number): number => Number(fields[at]);
    const childrenCpuMs = (field(13) + field(14)) * MS_A_TICK;
    return {
      pid,
      isZombie: fields[0] === 'Z',
      parentPid: field(1),
      groupId: field(2),
      cpuMs: (field(11) + field(12)) * MS_A_TICK + childrenCpuMs,
      childrenCpuMs,
      childrenFaults: field(8),
      residentBytes: field(21) * PAGE_BYTES,
      startedAt: field(19),
    };
  } catch {
    return undefined;
  }
}

/** @returns every process, for looking among all of them; none where there is no /proc. */
function allProcesses(): readonly ProcessFigures[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readProcess(Number(name)))
      .filter((one) => one !== undefined);
  } catch {
    return [];
  }
}

/** @returns the children of a process, and theirs; what has left its parent is not among them. */
export function readDescendants(rootPid: number): readonly number[] {
  const found: number[] = [];
  const pending = [rootPid];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    const children = childrenOf(pid);
    found.push(...children);
    pending.push(...children);
  }
  return found;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const folder = `/proc/${pid}/task`;
    return readdirSync(folder).flatMap((thread) =>
      readFileSync(`${folder}/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/**
 * Looks for all that a root has started and that still runs: its descendants, the others of its group, and those that carry
 * its mark in their environment, which is how one that left both is found.
 *
 * Costs a read for each process of the machine.
 */
export function findDescendants(rootPid: number, mark: string): readonly ProcessFigures[] {
  const all = allProcesses().filter(({ pid, isZombie }) => pid !== rootPid && !isZombie);
  const found = new Set<number>([rootPid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid, parentPid } of all) if (found.has(parentPid)) found.add(pid);
  }
  return all.filter(
    ({ pid, groupId }) => found.has(pid) || groupId === rootPid || carriesMark(pid, mark),
  );
}

function carriesMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
  } catch {
    return false;
  }
}
