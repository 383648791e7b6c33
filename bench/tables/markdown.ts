const significant = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Three digits, or all of the whole ones. */
export function figure(value: number): string {
  return Math.abs(value) >= 1_000 ? integer.format(value) : significant.format(value);
}

/** Cells of a GitHub table; the first `leftColumns` are words, the others numbers. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns: number,
): string {
  const rule = header.map((_, column) => (column < leftColumns ? '---' : '---:'));
  return [header, rule, ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** Puts `content` between `<!-- results:NAME -->` and `<!-- /results:NAME -->`. */
export function between(document: string, name: string, content: string): string {
  const [begin, end] = [`<!-- results:${name} -->`, `<!-- /results:${name} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`there is no ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${content}\n\n${document.slice(to)}`;
}
