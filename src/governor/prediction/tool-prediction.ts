import type { ResourceUsage } from '../resource-usage.ts';
import { PeakPredictor } from './peak-predictor.ts';

/** What is known of an execution before it starts. */
export interface ExecutionFeatures {
  /** An estimate; 0 where nothing is known. */
  readonly argumentBytes: number;
  /** How many executions run already. */
  readonly load: number;
}

/** What an execution is expected to need. */
export interface ExpectedUse {
  readonly memoryBytes: number;
  /** On average while it runs. */
  readonly cpuCores: number;
  /** What the memory rests on, in words and numbers. */
  readonly evidence: string;
}

/** What is taken for granted of a tool that has not run yet. */
export interface ColdUse {
  readonly memoryBytes: number;
  readonly cpuCores: number;
}

/** What code on one thread can use. */
const ONE_CORE = 1;
/** Of what is shorter, the clock and the start of a thread say more than the code. */
const SHORT_MS = 5;

/** What the executions of one tool need, learned from those that have ended. */
export class ToolPrediction {
  /** Bytes at the peak. */
  readonly memory = new PeakPredictor({ quantile: 0.98 });
  /** CPU time of an execution, in ms. */
  readonly cpuTime = new PeakPredictor({ features: ['argument size', 'load'] });
  /** CPU time by time that has passed. */
  readonly #cores = new PeakPredictor({ quantile: 0.5, features: [] });

  /** Grows with each execution that it has learned from. */
  learned = 0;

  /** @param cold - where too little is known yet */
  expect({ argumentBytes }: ExecutionFeatures, cold: ColdUse): ExpectedUse {
    const memory = this.memory.predict([argumentBytes]);
    return {
      memoryBytes: memory?.upper ?? cold.memoryBytes,
      cpuCores: this.#cores.predict([])?.expected ?? cold.cpuCores,
      evidence:
        memory?.evidence ??
        `${this.memory.observations} executions known, too few for such arguments`,
    };
  }

  /** @returns the CPU time that nearly all with such arguments stay below, in ms; `undefined` where those explain nothing */
  explainedCpuMs({ argumentBytes, load }: ExecutionFeatures): number | undefined {
    const prediction = this.cpuTime.predict([argumentBytes, load]);
    return prediction?.feature === 'argument size' ? prediction.upper : undefined;
  }

  /**
   * Takes note of an execution that is over.
   *
   * @param elapsedMs - from its start to its end
   * @param isWhole - false where it was ended before its time: it would have used as much, or more
   */
  learn(
    { argumentBytes, load }: ExecutionFeatures,
    { memoryBytes, cpuTimeMs }: Pick<ResourceUsage, 'memoryBytes' | 'cpuTimeMs'>,
    elapsedMs: number,
    isWhole: boolean,
  ): void {
    this.learned++;
    learnPeak(this.memory, [argumentBytes], memoryBytes.value, isWhole);
    learnPeak(this.cpuTime, [argumentBytes, load], cpuTimeMs.value, isWhole);
    if (elapsedMs >= SHORT_MS) this.#cores.learn([], cpuTimeMs.value / elapsedMs);
    else this.#cores.learn([], Math.min(ONE_CORE, cpuTimeMs.value / SHORT_MS));
  }
}

function learnPeak(
  predictor: PeakPredictor,
  features: readonly number[],
  peak: number,
  isWhole: boolean,
): void {
  if (!isWhole && peak <= (predictor.predict(features)?.expected ?? 0)) return;
  predictor.learn(features, peak);
}
