import { countWrong } from './answers.ts';
import type { DocumentFile } from './documents.ts';
import { median, quantiles } from './figures.ts';
import type { Contender, Workload } from './pair.ts';
import { readRound } from './read-round.ts';
import type { RequestMix } from './request-mix.ts';
import type { ServerProcess } from './server-process.ts';
import type { CacheCounters, Counters } from './servers/counters.ts';

/** A server that takes part. */
export interface Participant {
  readonly contender: Contender;
  readonly workload: Workload;
  readonly server: ServerProcess;
}

export interface RoundFigures {
  readonly readsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What one server has shown in all rounds. */
export interface Measurement {
  readonly contender: Contender;
  readonly workload: Workload;
  readonly rounds: readonly RoundFigures[];
  /** Each figure by itself. */
  readonly median: RoundFigures;
  readonly reads: number;
  /** Answers that were not the file as it is on disk. */
  readonly wrongAnswers: number;
  readonly originLoads: number;
  /** What its cache did meanwhile, and holds at the end; `undefined` without a cache. */
  readonly cache: CacheCounters | undefined;
}

export interface MeasurementPlan {
  readonly mix: RequestMix<DocumentFile>;
  readonly rounds: number;
  readonly readsPerRound: number;
  readonly inFlight: number;
  /** Told before every round of a server. */
  readonly onRound: (participant: Participant, round: number) => void;
}

/**
 * Has all servers answer the same requests, in turns and another one first in every round, so that
 * what the machine does meanwhile falls on all alike.
 */
export async function measure(
  participants: readonly Participant[],
  { mix, rounds, readsPerRound, inFlight, onRound }: MeasurementPlan,
): Promise<Measurement[]> {
  const tallies: Tally[] = [];
  for (const participant of participants) {
    const before = await participant.server.counters();
    tallies.push({ participant, before, rounds: [], wrongAnswers: 0 });
  }
  for (let round = 0; round < rounds; round++) {
    const requests = mix.take(readsPerRound);
    const uris = requests.map(({ uri }) => uri);
    for (const tally of inTurn(tallies, round)) {
      onRound(tally.participant, round);
      const { elapsedMs, readMs, answers } = await readRound(
        tally.participant.server,
        uris,
        inFlight,
      );
      const [p50Ms = Number.NaN, p99Ms = Number.NaN] = quantiles(readMs, [0.5, 0.99]);
      tally.rounds.push({ readsPerSecond: (1_000 * uris.length) / elapsedMs, p50Ms, p99Ms });
      tally.wrongAnswers += countWrong(answers, requests);
    }
  }
  return Promise.all(tallies.map((tally) => measurementOf(tally, rounds * readsPerRound)));
}

interface Tally {
  readonly participant: Participant;
  readonly before: Counters;
  readonly rounds: RoundFigures[];
  wrongAnswers: number;
}

/** Forwards and backwards by turns, each time from another one on. */
function inTurn<T>(items: readonly T[], round: number): T[] {
  const first = (round >> 1) % items.length;
  const turned = [...items.slice(first), ...items.slice(0, first)];
  return round % 2 === 0 ? turned : turned.reverse();
}

async function measurementOf(tally: Tally, reads: number): Promise<Measurement> {
  const { before, rounds, wrongAnswers } = tally;
  const { contender, workload, server } = tally.participant;
  const after = await server.counters();
  const medianOf = (figure: keyof RoundFigures) => median(rounds.map((round) => round[figure]));
  return {
    contender,
    workload,
    rounds,
    median: {
      readsPerSecond: medianOf('readsPerSecond'),
      p50Ms: medianOf('p50Ms'),
      p99Ms: medianOf('p99Ms'),
    },
    reads,
    wrongAnswers,
    originLoads: after.originLoads - before.originLoads,
    cache: cacheDifference(before.cache, after.cache),
  };
}

/** What was counted is subtracted; what is held, now or at most, stays as it is. */
function cacheDifference(
  before: CacheCounters | undefined,
  after: CacheCounters | undefined,
): CacheCounters | undefined {
  if (before === undefined || after === undefined) return undefined;
  return {
    ...after,
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
    loads: after.loads - before.loads,
    coalescedLoads: after.coalescedLoads - before.coalescedLoads,
    evictions: after.evictions - before.evictions,
  };
}

/** The share of the reads that were answered from the cache. */
export function hitRatio({ hits, misses }: CacheCounters): number {
  return hits / (hits + misses);
}
