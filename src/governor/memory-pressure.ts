import { totalmem } from 'node:os';
import { controlGroup, readText } from './control-group.ts';

/** How short memory is. */
export interface MemoryPressure {
  /** Of what there is, that is used: 1 is all of it. */
  readonly share: number;
  /** Share of the time in which some task waited for memory, over 10 s; `undefined` where the kernel does not tell. */
  readonly stalledShare: number | undefined;
  /** What `share` is a share of, in words and numbers. */
  readonly reason: string;
}

/** Reads how short memory is. */
export type MemoryGauge = () => MemoryPressure;

const MIB = 1_048_576;

/**
 * Gauges the memory of this process against a limit, of its control group against that of the group (cgroup v2, what can
 * be reclaimed not counted), and how long tasks wait for memory (PSI, `some avg10`).
 *
 * Costs two reads of 10 µs each, and two more in a group with a limit.
 *
 * @param limitBytes - of this process; what the platform grants where not given
 */
export function memoryGauge(limitBytes: number | undefined): MemoryGauge {
  const group = controlGroup()?.folder;
  const ownLimit = limitBytes ?? grantedBytes();
  return () => {
    const rssBytes = process.memoryUsage.rss();
    const own = {
      share: rssBytes / ownLimit,
      reason: `the process has ${inMib(rssBytes)} of ${inMib(ownLimit)}`,
    };
    const ofGroup = group === undefined ? undefined : groupPressure(group);
    const worst = ofGroup !== undefined && ofGroup.share > own.share ? ofGroup : own;
    return { ...worst, stalledShare: stalledShare(group) };
  };
}

/** The limit of the container, or what the machine has. */
export function grantedBytes(): number {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  return constrained > 0 && constrained < total ? constrained : total;
}

function groupPressure(folder: string): { share: number; reason: string } | undefined {
  const limitBytes = Number(readText(`${folder}/memory.max`));
  const usedBytes = Number(readText(`${folder}/memory.current`));
  if (!(limitBytes > 0) || !(usedBytes >= 0)) return undefined;
  const cached = /^inactive_file (\d+)$/m.exec(readText(`${folder}/memory.stat`) ?? '')?.[1] ?? 0;
  const heldBytes = Math.max(0, usedBytes - Number(cached));
  return {
    share: heldBytes / limitBytes,
    reason: `the control group has ${inMib(heldBytes)} of ${inMib(limitBytes)}`,
  };
}

function stalledShare(group: string | undefined): number | undefined {
  const text =
    (group === undefined ? undefined : readText(`${group}/memory.pressure`)) ??
    readText('/proc/pressure/memory');
  const percent = /^some avg10=([\d.]+)/m.exec(text ?? '')?.[1];
  return percent === undefined ? undefined : Number(percent) / 100;
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
