import { benchArgumentsAnd } from '../arguments.ts';
import { seriesName } from './usage-series.ts';

export const TRACE_USAGE = '[--trace FILE]…';

/** The arguments of a bench over series of use; each file once, as its name is that of the workload. */
export function traceArguments() {
  return benchArgumentsAnd(
    { trace: { type: 'string', multiple: true, default: [] as string[] } },
    TRACE_USAGE,
    ({ trace }) => {
      const traces = [...new Set(trace)];
      const names = traces.map(seriesName);
      const twice = names.find((name, index) => names.indexOf(name) < index);
      if (twice !== undefined) throw new Error(`two of --trace would both be called ${twice}`);
      return { traces };
    },
  );
}
