import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { drawCharts } from '../charts/bench-charts.ts';
import { BENCHES } from '../suite/benches.ts';
import { between } from './markdown.ts';
import { benchSection, headlineSection } from './sections.ts';
import { RESULTS, StoredReport } from './stored-report.ts';

const BENCH_README = 'bench/README.md';
const README = 'README.md';

/** Files that follow from the stored reports, by their path in the project: nothing else has a say. */
function publication(root: string): Map<string, string> {
  const files = new Map<string, string>();
  let document = readFileSync(path.join(root, BENCH_README), 'utf8');
  const reports: StoredReport[] = [];
  for (const bench of BENCHES) {
    const report = StoredReport.read(root, bench);
    let section = `Not measured yet: \`npm run bench -- --only ${bench.name}\`.`;
    if (report !== undefined) {
      reports.push(report);
      const charts = drawCharts(report);
      for (const [name, svg] of charts) files.set(`${RESULTS}/${name}`, svg);
      section = benchSection(report, [...charts.keys()]);
    }
    document = between(document, bench.name, section);
  }
  files.set(BENCH_README, document);
  const readme = readFileSync(path.join(root, README), 'utf8');
  files.set(README, between(readme, 'headlines', headlineSection(reports)));
  return files;
}

/** Charts that no report gives any more. */
function staleCharts(root: string, files: ReadonlyMap<string, string>): string[] {
  const folder = path.join(root, RESULTS);
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder)
    .map((name) => `${RESULTS}/${name}`)
    .filter((file) => file.endsWith('.svg') && !files.has(file));
}

function isCurrent(file: string, content: string): boolean {
  try {
    return readFileSync(file, 'utf8') === content;
  } catch {
    // Missing.
    return false;
  }
}

/** Paths of the files that differ from what the reports give. */
export function differences(root: string): string[] {
  const files = publication(root);
  const changed = [...files].filter(
    ([file, content]) => !isCurrent(path.join(root, file), content),
  );
  return [...changed.map(([file]) => file), ...staleCharts(root, files)];
}

/** Writes charts and tables. @returns paths of what has changed */
export function publish(root: string): string[] {
  const changed = differences(root);
  const files = publication(root);
  for (const file of changed) {
    const content = files.get(file);
    if (content === undefined) rmSync(path.join(root, file));
    else writeFileSync(path.join(root, file), content);
  }
  return changed;
}
