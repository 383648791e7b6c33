import { createRequire } from 'node:module';
import path from 'node:path';

import type { Check } from './check.ts';
import { count, median, milliseconds, times } from './figures.ts';
import { readRound } from './read-round.ts';
import { ServerProcess } from './server-process.ts';
import { PROJECT } from './settings.ts';

const ROUNDS = 3;
const READS_PER_ROUND = 700;
const IN_FLIGHT = 8;
const READS_MEANWHILE = 300;
const SERVER = '@modelcontextprotocol/server-everything';

export const WAYS = ['itself', 'behind granary proxy'] as const;
export type Way = (typeof WAYS)[number];

/** What a server that nobody here wrote has shown, by itself and behind the proxy. */
export interface ProxiedAct {
  readonly readsPerSecond: Readonly<Record<Way, number>>;
  readonly reads: number;
  /** Of the proxy, where the server itself says something else. */
  readonly otherAnswers: number;
  readonly tools: Readonly<Record<Way, number>>;
  /** Whether a call of a tool went through. */
  readonly echoed: string;
  readonly kill: {
    readonly reads: number;
    readonly failed: number;
    /** From the end of the server to the answer of one of its tools. */
    readonly backAfterMs: number;
  };
}

/** Puts the proxy in front of server-everything, and ends that while it is read from. */
export async function runProxied(signal: AbortSignal): Promise<ProxiedAct> {
  const require = createRequire(import.meta.url);
  const program = require.resolve(`${SERVER}/dist/index.js`);
  const granary = path.join(PROJECT, 'dist/cli/main.js');
  // Read for longer than a minute they would be loaded again, which is nothing to show here.
  const given = ['proxy', '--ttl', '600000', '--no-inspect', '--', process.execPath, program];
  await using itself = await ServerProcess.start(SERVER, [program], signal);
  await using proxied = await ServerProcess.start('granary proxy', [granary, ...given], signal);
  const servers = { itself, 'behind granary proxy': proxied };
  const known = await itself.uris();
  const uris = Array.from(
    { length: READS_PER_ROUND },
    (_, index) => known[index % known.length] ?? '',
  );
  const speeds: Record<Way, number[]> = { itself: [], 'behind granary proxy': [] };
  let otherAnswers = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const answers: string[][] = [];
    for (const way of WAYS) {
      const read = await readRound(servers[way], uris, IN_FLIGHT);
      answers.push(read.answers.map((answer) => JSON.stringify(answer)));
      // The first round is not timed.
      if (round > 0) speeds[way].push((1_000 * uris.length) / read.elapsedMs);
    }
    const [expected = [], got = []] = answers;
    otherAnswers += got.filter((answer, index) => answer !== expected[index]).length;
  }
  return {
    readsPerSecond: {
      itself: median(speeds.itself),
      'behind granary proxy': median(speeds['behind granary proxy']),
    },
    reads: (ROUNDS + 1) * READS_PER_ROUND,
    otherAnswers,
    tools: { itself: await itself.toolCount(), 'behind granary proxy': await proxied.toolCount() },
    echoed: (await proxied.callTool('echo', { message: 'through' })).text,
    kill: await endMeanwhile(proxied, known),
  };
}

async function endMeanwhile(
  proxied: ServerProcess,
  uris: readonly string[],
): Promise<ProxiedAct['kill']> {
  const [, pid] = /has started pid=(\d+)/.exec(proxied.said) ?? [];
  process.kill(Number(pid), 'SIGKILL');
  const endedAtMs = performance.now();
  const reads = Array.from({ length: READS_MEANWHILE }, (_, index) =>
    proxied.read(uris[index % uris.length] ?? ''),
  );
  const settled = await Promise.allSettled(reads);
  // What is sent before the end of the server is known may be lost with it, and says so.
  await proxied.callTool('echo', { message: 'anew' }).catch(() => undefined);
  await proxied.callTool('echo', { message: 'anew' });
  return {
    reads: settled.length,
    failed: settled.filter(({ status }) => status === 'rejected').length,
    backAfterMs: performance.now() - endedAtMs,
  };
}

export function proxiedChecks({ reads, otherAnswers, tools, echoed, kill }: ProxiedAct): Check[] {
  const behind = tools['behind granary proxy'];
  return [
    {
      claim: 'granary proxy in front of server-everything answers as that does itself',
      holds: otherAnswers === 0 && behind === tools.itself && echoed === 'Echo: through',
      evidence:
        `${count(otherAnswers)} of ${count(reads)} reads differ, ` +
        `${behind} of ${tools.itself} tools are listed, and one was called`,
    },
    {
      claim: 'when that server is killed, no read fails, and its tools come back',
      holds: kill.failed === 0,
      evidence:
        `${count(kill.failed)} of ${count(kill.reads)} reads failed, ` +
        `a tool answered ${milliseconds(kill.backAfterMs)} after the end`,
    },
  ];
}

export const PROXIED_HEADER = ['server-everything', 'reads/s', '× itself'] as const;

export function proxiedRows({ readsPerSecond }: ProxiedAct): string[][] {
  return WAYS.map((way) => {
    const ratio = way === 'itself' ? '' : times(readsPerSecond[way] / readsPerSecond.itself);
    return [way, count(readsPerSecond[way]), ratio];
  });
}
