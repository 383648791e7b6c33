import { count } from '../figures.ts';
import { escaped, round, svg, text, type SeriesStyle } from './markup.ts';

export interface Line {
  readonly label: string;
  readonly values: readonly number[];
  readonly style: SeriesStyle;
}

export interface LineChart {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Charts beside each other share it. */
  readonly top: number;
  /** What stands below the horizontal axis. */
  readonly axis: string;
}

const WIDTH = 320;
const HEIGHT = 190;
const LEFT = 52;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 38;
const TICKS = 4;

/** Values by their number, from 1, over a vertical axis that begins at zero. */
export function lineChart({ title, lines, top, axis }: LineChart): string {
  const points = Math.max(...lines.map(({ values }) => values.length));
  const x = (index: number) =>
    round(LEFT + ((WIDTH - LEFT - RIGHT) * (index + 0.5)) / Math.max(points, 1));
  const y = (value: number) => round(HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / top);
  const parts: string[] = [];
  for (let tick = 0; tick <= TICKS; tick++) {
    const value = (top * tick) / TICKS;
    parts.push(
      `<path d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}" class="grid"/>`,
      text(LEFT - 7, y(value) + 4, count(value), 'tick end'),
    );
  }
  for (let index = 0; index < points; index++) {
    parts.push(text(x(index), HEIGHT - BOTTOM + 16, String(index + 1), 'tick middle'));
  }
  parts.push(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, axis, 'tick middle'));
  for (const { label, values, style } of lines) {
    const path = values.map((value, index) => `${x(index)},${y(value)}`).join(' ');
    parts.push(`<polyline points="${path}" class="line ${style}"/>`);
    for (const [index, value] of values.entries()) {
      const caption = escaped(`${label}, ${axis} ${index + 1}: ${count(value)}`);
      parts.push(
        `<circle cx="${x(index)}" cy="${y(value)}" r="3.5" class="${style}"><title>${caption}</title></circle>`,
      );
    }
  }
  return svg(WIDTH, HEIGHT, title, parts.join(''));
}

/** The end of an axis that has round ticks and room for the value. */
export function axisTop(value: number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  const factor =
    [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].find((factor) => factor * step >= value) ?? 10;
  return factor * step;
}
