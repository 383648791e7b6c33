import { Progress } from '../bench/progress.ts';
import { compareAnswers } from './answers.ts';
import { cacheChecks } from './cache-checks.ts';
import { checkChangedFile } from './changed-file.ts';
import type { Check } from './check.ts';
import { readDocuments, type DocumentFile, type DocumentSet } from './documents.ts';
import { type GovernedAct, governedChecks, runGoverned } from './governed-act.ts';
import { oneLineChecks, runOneLine, type OneLineAct } from './one-line-act.ts';
import { type ProxiedAct, proxiedChecks, runProxied } from './proxied-act.ts';
import { runThreads, threadChecks, THREADS, type ThreadAct } from './thread-act.ts';
import { measure, type Measurement, type Participant } from './measurement.ts';
import { CONTENDERS, startServer, workloads } from './pair.ts';
import { RequestMix } from './request-mix.ts';
import type { Settings } from './settings.ts';
import { checkSimultaneousReads } from './simultaneous-reads.ts';

/** A quarter of them must still be some. */
const FEWEST_DOCUMENTS = 8;

export const WARM_UP_ROUNDS = 3;
export const ROUNDS = 7;
export const READS_PER_ROUND = 1_500;
export const IN_FLIGHT = 8;
export const ZIPF_EXPONENT = 0.9;
export const SEED = 20_260_728;

/** What the demo has found out. */
export interface Demonstration {
  readonly documents: DocumentSet;
  readonly checks: readonly Check[];
  /** Empty where answers differed: how fast a wrong answer comes is of no interest. */
  readonly measurements: readonly Measurement[];
  readonly freshMs: readonly number[];
  /** `undefined` where answers differed. */
  readonly acts:
    | {
        readonly oneLine: OneLineAct;
        readonly threads: ThreadAct;
        readonly governed: GovernedAct;
        readonly proxied: ProxiedAct;
      }
    | undefined;
}

/**
 * Runs all of the demo; how far it is stands on stderr.
 *
 * @throws (rejects with) whatever keeps it from coming to an end
 */
export async function demonstrate(settings: Settings, signal: AbortSignal): Promise<Demonstration> {
  const documents = await readDocuments(settings.root);
  const [first] = documents.documents;
  if (first === undefined || documents.documents.length < FEWEST_DOCUMENTS) {
    const found = `${documents.documents.length} READMEs, licences and notices`;
    throw new Error(`${found} below ${settings.root}, at least ${FEWEST_DOCUMENTS} are needed`);
  }
  const plans = workloads(documents);
  const servers = plans.length * CONTENDERS.length;
  const progress = new Progress(1 + servers * (WARM_UP_ROUNDS + ROUNDS) + 6);

  const participants: Participant[] = [];
  try {
    for (const workload of plans) {
      for (const contender of CONTENDERS) {
        const server = await startServer(contender, workload, settings, signal);
        participants.push({ contender, workload, server });
      }
    }
    progress.step(`comparing the answers for ${documents.documents.length} documents`);
    const same = await compareAnswers(
      participants.map(({ server }) => server),
      documents.documents,
      IN_FLIGHT,
    );
    if (!same.holds)
      return { documents, checks: [same], measurements: [], freshMs: [], acts: undefined };

    const plan = {
      mix: new RequestMix<DocumentFile>(documents.documents, ZIPF_EXPONENT, SEED),
      readsPerRound: READS_PER_ROUND,
      inFlight: IN_FLIGHT,
    };
    const onRound =
      (rounds: number, kind: string) =>
      ({ workload, contender }: Participant, round: number) =>
        progress.step(`${kind} ${round + 1} of ${rounds}: ${workload.name}, ${contender}`);
    const warmUp = { rounds: WARM_UP_ROUNDS, onRound: onRound(WARM_UP_ROUNDS, 'warm-up round') };
    await measure(participants, { ...plan, ...warmUp });
    const counted = { rounds: ROUNDS, onRound: onRound(ROUNDS, 'round') };
    const measurements = await measure(participants, { ...plan, ...counted });
    progress.step('reading one URI 100 times at once');
    const [, , slowOrigin] = plans;
    const simultaneous = await checkSimultaneousReads(first, slowOrigin, settings, signal);
    progress.step('changing a file');
    const changed = await checkChangedFile(first, signal);
    // Their memory and their work are not for the acts that follow to share.
    await Promise.all(participants.map(({ server }) => server.close()));
    progress.step('adding one line to a server');
    const oneLine = await runOneLine(documents, signal);
    progress.step('calling tools that take too much');
    const governed = await runGoverned(signal);
    progress.step('putting the proxy in front of a server');
    const proxied = await runProxied(signal);
    progress.step(`starting ${THREADS} threads over one store`);
    const threads = await runThreads(documents, settings.granaryRoot, signal);
    return {
      documents,
      checks: [
        same,
        ...cacheChecks(measurements, documents.documents),
        simultaneous,
        changed.check,
        ...oneLineChecks(oneLine),
        ...threadChecks(threads, documents.documents.length),
        ...governedChecks(governed),
        ...proxiedChecks(proxied),
      ],
      measurements,
      freshMs: changed.freshMs,
      acts: { oneLine, threads, governed, proxied },
    };
  } finally {
    await Promise.all(participants.map(({ server }) => server.close()));
  }
}
