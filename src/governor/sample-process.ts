import { GranaryError } from '../errors.ts';
import { badOption, checkInteger, checkOneOf, checkOptions } from '../options.ts';
import { callNative, loadAddon } from '../native/addon.ts';
import { type ProcessSample, SAMPLE_PARTS, type SamplePart } from './process-sample.ts';

/** What is sampled. */
export interface SampleOptions {
  /** Default: all but `proportional`. Each part costs time of its own. */
  readonly parts?: readonly SamplePart[] | undefined;
}

const DEFAULT_PARTS = SAMPLE_PARTS.filter((part) => part !== 'proportional');
const LARGEST_PID = 2 ** 31 - 1;
/** Parts that are read in some µs: less than the way to another thread and back takes. */
const QUICK: ReadonlySet<SamplePart> = new Set(['memory', 'cpu']);
/** So that this thread is held up for no longer than 0.1 ms. */
const MOST_AT_ONCE = 4;

/**
 * What a process uses, as the operating system counts it. Read on another thread, but for memory and CPU
 * time alone, which take about 20 µs; more with each descriptor and socket.
 *
 * @param pid this process by default
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`, also where there is no such process (any more), or it
 *   may not be looked at
 *
 * @example
 * ```ts
 * import { sampleProcess } from 'mcp-granary/governor';
 * const { rssBytes, cpuMs } = await sampleProcess(process.pid, { parts: ['memory', 'cpu'] });
 * console.log(rssBytes! > 0 && cpuMs! > 0); // true
 * ```
 */
export async function sampleProcess(
  pid: number = process.pid,
  options?: SampleOptions,
): Promise<ProcessSample> {
  const [sample] = await sampleProcesses([pid], options);
  return sample ?? badOption('pid', pid, 'the number of a process that is running');
}

/**
 * As `sampleProcess` for several processes at once: one hop to another thread, and one look at the table of
 * sockets.
 *
 * @returns in the order of `pids`; `undefined` for those that are not there (any more)
 */
export async function sampleProcesses(
  pids: readonly number[],
  options?: SampleOptions,
): Promise<(ProcessSample | undefined)[]> {
  if (!Array.isArray(pids)) badOption('pids', pids, 'an array of process numbers');
  const checked = pids.map((pid) => checkInteger('pid', pid, 1, LARGEST_PID));
  const { parts = DEFAULT_PARTS } = checkOptions('options', options);
  if (!Array.isArray(parts)) badOption('parts', parts, `an array of ${SAMPLE_PARTS.join(', ')}`);
  const asked = new Set(parts.map((part) => checkOneOf('parts', part, SAMPLE_PARTS)));
  const wanted = {
    memory: asked.has('memory'),
    proportional: asked.has('proportional'),
    cpu: asked.has('cpu'),
    threads: asked.has('threads'),
    descriptors: asked.has('descriptors'),
    sockets: asked.has('sockets'),
    descendants: asked.has('descendants'),
  };
  const isQuick = checked.length <= MOST_AT_ONCE && [...asked].every((part) => QUICK.has(part));
  try {
    const samples = callNative(() =>
      isQuick
        ? loadAddon().sampleProcessesNow(checked, wanted)
        : loadAddon().sampleProcesses(checked, wanted),
    );
    // What is not told is left out by the addon: each sample has all fields.
    return (await samples).map((sample) =>
      sample === null || sample === undefined
        ? undefined
        : ({ ...NOTHING, ...sample } as ProcessSample),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.replace(/^ERR_GRANARY_\w+: /, '') : '';
    throw new GranaryError('ERR_GRANARY_BAD_OPTION', `no sample can be taken: ${why}`, {
      cause,
      data: { option: 'pid' },
    });
  }
}

const NOTHING = {
  parent: undefined,
  rssBytes: undefined,
  proportionalBytes: undefined,
  cpuMs: undefined,
  userMs: undefined,
  systemMs: undefined,
  threadCount: undefined,
  threads: undefined,
  descriptors: undefined,
  sockets: undefined,
  descendants: undefined,
} as const;
