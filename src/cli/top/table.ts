import { printable } from '../printable.ts';
import { cutText, type Span, type Style, type TextLine, widthOf } from './text-line.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** Where there is not room for all, the column of the highest goes first; those without one stay. */
  readonly dropRank?: number;
}

/** What stands in a column. */
export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

const GAP = '  ';
/** A name that is longer would leave no room for anything else. */
const MAX_CELL_WIDTH = 60;

/** A heading and rows, columns below each other. */
export class Table {
  readonly #columns: readonly Column[];
  readonly #rows: readonly (readonly Span[])[];
  readonly #widths: readonly number[];

  constructor(columns: readonly Column[], rows: readonly (readonly Cell[])[]) {
    this.#columns = columns;
    this.#rows = rows.map((row) =>
      row.map(({ text, style = 'plain' }) => ({
        text: cutText(printable(text), MAX_CELL_WIDTH),
        style,
      })),
    );
    this.#widths = columns.map(({ title }, column) =>
      this.#rows.reduce(
        (most, row) => Math.max(most, widthOf(row[column]?.text ?? '')),
        widthOf(title),
      ),
    );
  }

  /** How wide it is with all its columns. */
  get width(): number {
    return this.#widthOf(this.#columns.map((_, column) => column));
  }

  /** @returns its lines, the heading first, without the columns for which `width` has no room. */
  lines(width: number): readonly TextLine[] {
    const kept = this.#kept(width);
    const heading = this.#columns.map(({ title }): Span => ({ text: title, style: 'heading' }));
    return [heading, ...this.#rows].map((row) => this.#line(row, kept));
  }

  #line(row: readonly Span[], kept: readonly number[]): TextLine {
    return kept.map((column, place) => {
      const { text, style } = row[column] ?? { text: '', style: 'plain' };
      const blank = ' '.repeat((this.#widths[column] ?? 0) - widthOf(text));
      const gap = place === 0 ? '' : GAP;
      const isRight = this.#columns[column]?.align === 'right';
      return { text: isRight ? `${gap}${blank}${text}` : `${gap}${text}${blank}`, style };
    });
  }

  #kept(width: number): readonly number[] {
    const kept = this.#columns.map((_, column) => column);
    const rank = (column: number): number => this.#columns[column]?.dropRank ?? 0;
    const toDrop = kept.filter((column) => rank(column) > 0).toSorted((a, b) => rank(a) - rank(b));
    while (this.#widthOf(kept) > width) {
      const dropped = toDrop.pop();
      if (dropped === undefined) break;
      kept.splice(kept.indexOf(dropped), 1);
    }
    return kept;
  }

  #widthOf(columns: readonly number[]): number {
    const gaps = Math.max(0, columns.length - 1) * GAP.length;
    return columns.reduce((sum, column) => sum + (this.#widths[column] ?? 0), gaps);
  }
}
