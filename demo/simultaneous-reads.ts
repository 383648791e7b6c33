import { countWrong } from './answers.ts';
import type { Check } from './check.ts';
import type { DocumentFile } from './documents.ts';
import { CONTENDERS, startServer, type Contender, type Workload } from './pair.ts';
import { readRound } from './read-round.ts';
import type { Settings } from './settings.ts';

const READS = 100;

/** Starts both servers anew, so that nothing is cached, and asks each for one document 100 times at once. */
export async function checkSimultaneousReads(
  document: DocumentFile,
  workload: Workload,
  settings: Settings,
  signal: AbortSignal,
): Promise<Check> {
  const loads = new Map<Contender, number>();
  let wrong = 0;
  for (const contender of CONTENDERS) {
    await using server = await startServer(contender, workload, settings, signal);
    const uris = Array.from({ length: READS }, () => document.uri);
    const before = await server.counters();
    const { answers } = await readRound(server, uris, READS);
    const after = await server.counters();
    loads.set(contender, after.originLoads - before.originLoads);
    wrong += countWrong(
      answers,
      Array.from({ length: READS }, () => document),
    );
  }
  return {
    claim: `${READS} simultaneous reads of a URI that is not cached cost one load`,
    holds: loads.get('with granary') === 1 && wrong === 0,
    evidence: `${CONTENDERS.map((contender) => `${contender} ${loads.get(contender)}`).join(', ')}; ${wrong} wrong answers`,
  };
}
