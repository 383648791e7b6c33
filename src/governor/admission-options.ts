import { availableParallelism } from 'node:os';
import { badOption, checkInteger, checkOptions } from '../options.ts';
import { grantedBytes } from './memory-pressure.ts';

/** What the executions of all tools may be expected to need together. */
export interface AdmissionOptions {
  /**
   * Memory of this process and of the processes of tools, in bytes; 0.9 of `degradation.processMemoryBytes`, or of what
   * the container or machine grants, by default.
   */
  readonly memoryBytes?: number;
  /** As many as the machine runs at a time (`os.availableParallelism`) by default; a fraction is allowed. */
  readonly cpuCores?: number;
  /** Share of its base limit of memory that is reserved for a tool that is not known yet; 1 by default. */
  readonly coldStartShare?: number;
}

/** What there is to reserve from. */
export type Means = Required<AdmissionOptions>;

/** What is left free for what nobody predicts: garbage of the runtime, peaks above their upper bounds. */
const DEFAULT_SHARE = 0.9;

/**
 * @param processMemoryBytes - how much memory this process may have, where that is said
 * @returns `undefined` where nothing is to be reserved
 * @throws `ERR_GRANARY_BAD_OPTION`
 */
export function checkAdmission(
  given: AdmissionOptions | false | undefined,
  processMemoryBytes: number | undefined,
): Means | undefined {
  if (given === false) return undefined;
  const { memoryBytes, cpuCores, coldStartShare } = checkOptions('admission', given);
  const granted = Math.floor((processMemoryBytes ?? grantedBytes()) * DEFAULT_SHARE);
  return {
    memoryBytes: checkInteger(
      'admission.memoryBytes',
      memoryBytes ?? Math.max(1, granted),
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    cpuCores: checkAbove0('admission.cpuCores', cpuCores ?? availableParallelism(), 65_536),
    coldStartShare: checkAbove0('admission.coldStartShare', coldStartShare ?? 1, 1),
  };
}

function checkAbove0(option: string, value: unknown, most: number): number {
  if (typeof value !== 'number' || !(value > 0 && value <= most)) {
    badOption(option, value, `a number above 0, at most ${most}`);
  }
  return value;
}
