/** Prints cells under each other, two spaces apart; the first line of the table is its header. */
export function printColumns(
  table: readonly (readonly string[])[],
  rightAligned: ReadonlySet<number>,
): void {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  for (const cells of table) {
    const padded = cells.map((cell, column) =>
      rightAligned.has(column)
        ? cell.padStart(widths[column] ?? 0)
        : cell.padEnd(widths[column] ?? 0),
    );
    console.log(padded.join('  ').trimEnd());
  }
}
