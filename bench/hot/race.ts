import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { answersOf, ASKED_CAPACITY } from './answers.ts';
import { CONTENDERS } from './contenders.ts';
import type { RacerMessage, RoundFigures } from './racer.ts';
import type { Workload } from './workloads.ts';

export interface RaceOptions {
  readonly rounds: number;
  /** Of those that take a microsecond or more (`Contender.isSlow`), and are no part of a target. */
  readonly slowRounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** How much of a pass fills a cache, and how much after that its share of hits is taken over. */
  readonly passPart: number;
  /** Told when a racer is ready, and after each of its rounds. */
  readonly onStep: (what: string) => void;
}

const RACER = fileURLToPath(new URL('racer.js', import.meta.url));

/** So much of a wrong answer tells it from the right one. */
const SHOWN_LENGTH = 40;

/** While racers get ready nothing is measured: as many at a time as there are processors. */
const MOST_AT_ONCE = Math.min(2, availableParallelism());

/** A contender in its process. */
class Racer {
  readonly contender: string;
  readonly rounds: RoundFigures[] = [];
  hitRatio: number | undefined;
  readonly #workload: string;
  readonly #child: ChildProcess;

  constructor(contender: string, { name }: Workload, { roundMs, warmUpMs, passPart }: RaceOptions) {
    this.contender = contender;
    this.#workload = name;
    // What this process was started with is not for a measured one.
    this.#child = fork(RACER, [contender, name, ...[roundMs, warmUpMs, passPart].map(String)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws unless it answers as `expected`. */
  async ready(expected: readonly string[]): Promise<void> {
    const message = await this.#next('ready');
    const wrong = expected.findIndex((answer, index) => answer !== message.answers[index]);
    if (wrong !== -1) {
      const [given, asked] = [message.answers, expected].map((answers) =>
        answers[wrong]?.slice(0, SHOWN_LENGTH),
      );
      throw this.#error(`answer ${wrong} begins with ${given} instead of ${asked}`);
    }
    this.hitRatio = message.hitRatio;
  }

  async round(): Promise<void> {
    this.#child.send('round');
    this.rounds.push(await this.#next('round'));
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #next<Kind extends RacerMessage['kind']>(
    kind: Kind,
  ): Promise<Extract<RacerMessage, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null, signal: string | null) =>
        reject(this.#error(`its process ended with ${code ?? signal}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (message: RacerMessage) => {
        this.#child.off('exit', onExit);
        if (message.kind === kind) resolve(message as Extract<RacerMessage, { kind: Kind }>);
        else reject(this.#error(message.kind === 'failed' ? message.reason : message.kind));
      });
    });
  }

  #error(reason: string): Error {
    return new Error(`${this.contender} fails ${this.#workload}: ${reason}`);
  }
}

/** What each contender must answer: a Map says it. */
async function expectedAnswers({ demand, valueOf }: Workload): Promise<string[]> {
  const map = await CONTENDERS.get('map')?.make({ ...demand, capacity: ASKED_CAPACITY });
  if (map === undefined) throw new Error('there is no map among the contenders');
  return answersOf(map, valueOf);
}

/**
 * Measures a workload's contenders in turns, another one first in every round.
 *
 * @returns the medians of the rounds.
 * @throws naming the contender, where one answers wrongly or ends.
 */
export async function race(workload: Workload, options: RaceOptions): Promise<BenchRow[]> {
  const expected = await expectedAnswers(workload);
  const waiting = [...workload.contenders];
  const racers: Racer[] = [];
  const start = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const racer = new Racer(name, workload, options);
      racers.push(racer);
      await racer.ready(expected);
      options.onStep(`${workload.name}: ${name} is ready`);
    }
  };
  try {
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, start));
    racers.sort(byOrderOf(workload.contenders));
    for (let round = 0; round < options.rounds; round++) {
      const first = round % racers.length;
      for (const racer of [...racers.slice(first), ...racers.slice(0, first)]) {
        const isSlow = CONTENDERS.get(racer.contender)?.isSlow === true;
        if (isSlow && round >= options.slowRounds) continue;
        await racer.round();
        options.onStep(
          `${workload.name}: ${racer.contender}, round ${round + 1} of ${options.rounds}`,
        );
      }
    }
  } finally {
    // Where one has failed, none is started any more.
    waiting.length = 0;
    await Promise.all(racers.map((racer) => racer.end()));
  }
  return racers.flatMap((racer) => rowsOf(workload.name, racer));
}

function byOrderOf(names: readonly string[]): (a: Racer, b: Racer) => number {
  return (a, b) => names.indexOf(a.contender) - names.indexOf(b.contender);
}

function rowsOf(workload: string, { contender, rounds, hitRatio }: Racer): BenchRow[] {
  const row = (metric: string, value: number, unit: string): BenchRow => ({
    workload,
    contender,
    metric,
    value,
    unit,
  });
  return [
    row('ns/op', median(rounds.map(({ nsPerOp }) => nsPerOp)), 'ns'),
    row('cpu-ns/op', median(rounds.map(({ cpuNsPerOp }) => cpuNsPerOp)), 'ns'),
    ...(hitRatio === undefined ? [] : [row('hitRatio', hitRatio, '%')]),
  ];
}
