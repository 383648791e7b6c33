import { bytes, count, milliseconds } from '../figures.ts';
import { BAD_TOOLS, type GovernedAct } from '../governed-act.ts';
import { LINES, type OneLineAct, type OneLineFigures } from '../one-line-act.ts';
import type { ThreadFigures } from '../servers/thread-settings.ts';
import { grownBytes, SHARINGS, type ThreadAct } from '../thread-act.ts';
import { type ProxiedAct, WAYS } from '../proxied-act.ts';
import { pairCharts } from './charts.ts';

export function oneLineCharts({ figures }: OneLineAct): string {
  const by = (figure: (each: OneLineFigures) => number) =>
    Object.fromEntries(LINES.map((lines) => [lines, figure(figures[lines])]));
  return pairCharts([
    { title: 'Calls of the handler', values: by((each) => each.handlerCalls), captionOf: count },
    { title: 'Reads per second', values: by((each) => each.readsPerSecond), captionOf: count },
  ]);
}

export function governedCharts({ bad, good }: GovernedAct): string {
  return pairCharts([
    {
      title: 'Until the slowest answer',
      values: Object.fromEntries(BAD_TOOLS.map((name) => [name, bad[name].slowestMs])),
      captionOf: milliseconds,
    },
    {
      title: 'The good tool, p99',
      values: Object.fromEntries(Object.entries(good).map(([when, { p99Ms }]) => [when, p99Ms])),
      captionOf: milliseconds,
    },
  ]);
}

function byWay(figures: ProxiedAct['tools']): Record<string, number> {
  return Object.fromEntries(WAYS.map((way) => [way, figures[way]]));
}

export function proxiedCharts({ readsPerSecond, tools }: ProxiedAct): string {
  return pairCharts([
    { title: 'Reads per second', values: byWay(readsPerSecond), captionOf: count },
    { title: 'Tools that are listed', values: byWay(tools), captionOf: count },
  ]);
}

export function threadCharts({ figures }: ThreadAct): string {
  const by = (figure: (each: ThreadFigures) => number) =>
    Object.fromEntries(SHARINGS.map((sharing) => [sharing, figure(figures[sharing])]));
  return pairCharts([
    { title: 'Loads of the origin', values: by((each) => each.originLoads), captionOf: count },
    { title: 'Growth of the process', values: by(grownBytes), captionOf: bytes },
    {
      title: 'Stale reads after a change',
      values: by((each) => each.staleReads),
      captionOf: count,
    },
    { title: 'Reads per second', values: by((each) => each.readsPerSecond), captionOf: count },
  ]);
}
