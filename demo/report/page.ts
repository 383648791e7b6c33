import type { Check } from '../check.ts';
import type { Demonstration } from '../demonstration.ts';
import type { Measurement } from '../measurement.ts';
import { method, remarks, threadRemarks } from '../remarks.ts';
import { RESULT_HEADER, RESULT_LEFT_COLUMNS, resultRows } from '../result-table.ts';
import { THREADS } from '../thread-act.ts';
import {
  boundsChart,
  changesChart,
  latencyCharts,
  loadsChart,
  readsChart,
  roundCharts,
} from './charts.ts';
import { governedCharts, oneLineCharts, proxiedCharts, threadCharts } from './act-sections.ts';
import { escaped } from './markup.ts';
import { STYLE } from './style.ts';

/** The whole report in one file: no script, and nothing that is fetched from elsewhere. */
export function reportPage(demonstration: Demonstration): string {
  const { checks, measurements, freshMs } = demonstration;
  const failed = checks.filter(({ holds }) => !holds).length;
  const verdict =
    failed === 0
      ? `All ${checks.length} checks hold.`
      : `${failed} of ${checks.length} checks FAILED.`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>mcp-granary: demo report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>An MCP server without and with granary</h1>
<p>${escaped(verdict)} <span class="note">${escaped(new Date().toISOString())}</span></p>
${measurements.length > 0 ? figures(measurements, freshMs, demonstration) : ''}
<h2>Checks</h2>
<ul class="checks">${checks.map(checkItem).join('\n')}</ul>
</body>
</html>
`;
}

function figures(
  measurements: readonly Measurement[],
  freshMs: readonly number[],
  demonstration: Demonstration,
): string {
  const { acts } = demonstration;
  return `<p class="note">${escaped(method(demonstration).join(' '))}</p>
<ul class="legend">
<li><i class="plain"></i>SDK alone</li>
<li><i class="granary"></i>with granary</li>
<li><i class="whisker"></i>slowest to fastest round</li>
</ul>
${section('Reads per second', 'Median of the rounds; more is better.', readsChart(measurements))}
<p>${escaped(remarks(demonstration).join(' '))}</p>
${section('Time of one read', 'In the client, from its call to the answer, ms; less is better.', latencyCharts(measurements))}
${section('Loads of the origin', 'How often a file was read for the same requests; less is better.', loadsChart(measurements))}
${section('What the cache held at most, and its bounds', 'Looked at after every load; a full track is the bound.', boundsChart(measurements))}
${section('Round by round', 'Reads per second; all servers had the same requests in the same round.', roundCharts(measurements))}
${section('From a change on disk to the client having read it', 'granary serve, one subscribed client: write, notification and new read together, ms.', changesChart(freshMs))}
${acts === undefined ? '' : actSections(acts)}
<h2>All figures</h2>
<div class="scroll">${table(measurements)}</div>`;
}

function actSections({
  oneLine,
  threads,
  governed,
  proxied,
}: NonNullable<Demonstration['acts']>): string {
  return `${section('One line added to a plain server', 'The server of the SDK as it was, and with cacheServer.', oneLineCharts(oneLine))}
${section(`${THREADS} worker threads`, 'The same server in each, with a cache each and over one store.', threadCharts(threads))}
<p>${escaped(threadRemarks(threads).join(' '))}</p>
${section('Tools that take too much', 'A server with a greedy, an endless and a leaking tool, each held within its limits, and a good one.', governedCharts(governed))}
${section('A server that nobody here wrote', 'server-everything by itself, and behind granary proxy.', proxiedCharts(proxied))}`;
}

function section(title: string, note: string, chart: string): string {
  return `<section><h2>${escaped(title)}</h2><figure><figcaption>${escaped(note)}</figcaption>${chart}</figure></section>`;
}

function table(measurements: readonly Measurement[]): string {
  const rows = resultRows(measurements).map((cells) => tableRow(cells, 'td'));
  return `<table><thead>${tableRow(RESULT_HEADER, 'th')}</thead><tbody>${rows.join('\n')}</tbody></table>`;
}

function tableRow(cells: readonly string[], tag: 'th' | 'td'): string {
  const written = cells.map((cell, column) => {
    const words = column < RESULT_LEFT_COLUMNS ? ' class="words"' : '';
    return `<${tag}${words}>${escaped(cell)}</${tag}>`;
  });
  return `<tr>${written.join('')}</tr>`;
}

function checkItem({ claim, holds, evidence }: Check): string {
  return (
    `<li class="${holds ? 'holds' : 'fails'}"><b>${holds ? '✓' : '✗'}</b>${escaped(claim)}: ` +
    `<span>${escaped(evidence)}</span></li>`
  );
}
