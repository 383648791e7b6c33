import { readdir, readFile, readlink } from 'node:fs/promises';

import { sampleProcess } from 'mcp-granary/governor';
import pidusage from 'pidusage';
import systeminformation from 'systeminformation';

/** What a contender can tell of a process; what it does not know it leaves out. */
export interface SampleContender {
  /** CPU time in ms and resident bytes. pidusage gives a share of CPU besides, and no option not to. */
  readonly memoryAndCpu?: (pid: number) => Promise<{ rssBytes: number }>;
  /** Open descriptors with what they are open on. */
  readonly descriptors?: (pid: number) => Promise<number>;
  /** Its TCP and UDP sockets with their state. */
  readonly sockets?: (pid: number) => Promise<number>;
}

const PAGE_BYTES = 4_096;
const RSS_AT = 21;

/** As one would write it without any library. */
async function readStat(pid: number): Promise<{ rssBytes: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  // The name of the program stands in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { rssBytes: Number(fields[RSS_AT]) * PAGE_BYTES };
}

async function readLinks(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  return Promise.all(names.map((name) => readlink(`${folder}/${name}`)));
}

async function readSockets(pid: number): Promise<number> {
  const own = new Set(
    (await readLinks(pid)).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []),
  );
  const tables = await Promise.all(
    ['tcp', 'tcp6', 'udp', 'udp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'latin1')),
  );
  const inodes = tables.flatMap((table) =>
    table
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/)[9] ?? ''),
  );
  return inodes.filter((inode) => own.has(inode)).length;
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, SampleContender> = new Map<string, SampleContender>([
  // As it is used: it keeps a descriptor of each process open for a minute.
  ['pidusage', { memoryAndCpu: async (pid) => ({ rssBytes: (await pidusage(pid)).memory }) }],
  [
    'systeminformation',
    {
      sockets: async (pid) =>
        (await systeminformation.networkConnections()).filter((each) => each.pid === pid).length,
    },
  ],
  [
    'proc-js',
    {
      memoryAndCpu: readStat,
      descriptors: async (pid) => (await readLinks(pid)).length,
      sockets: readSockets,
    },
  ],
  [
    'granary',
    {
      memoryAndCpu: async (pid) => {
        const { rssBytes = 0 } = await sampleProcess(pid, { parts: ['memory', 'cpu'] });
        return { rssBytes };
      },
      descriptors: async (pid) =>
        (await sampleProcess(pid, { parts: ['descriptors'] })).descriptors?.length ?? 0,
      sockets: async (pid) => {
        const { sockets = [] } = await sampleProcess(pid, { parts: ['sockets'] });
        return sockets.filter(({ protocol }) => protocol !== 'other').length;
      },
    },
  ],
]);
