import { draw, FONT_SIZE, INK, RULE, SOFT_INK, type DrawingOption } from './drawing.ts';

const OUR_COLORS = ['#0e7c66', '#5fb3a1'];
const OTHER_COLORS = ['#5b6675', '#d9822b', '#57a8d6', '#7a5ba8'];

/** The dash and the mark tell lines apart without colour too. */
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect'];

export interface GrowthLine {
  readonly label: string;
  readonly isOurs: boolean;
  readonly points: readonly (readonly [count: number, value: number])[];
}

export interface GrowthChart {
  readonly title: string;
  /** What is counted along the horizontal axis, which is logarithmic. */
  readonly counted: string;
  /** What the vertical axis measures, with the unit. */
  readonly axis: string;
  /** Linear unless the values lie far apart. */
  readonly scale: 'linear' | 'log';
  readonly lines: readonly GrowthLine[];
}

const WIDTH = 780;
const HEIGHT = 460;

/** Values over a count that grows tenfold from mark to mark. */
export function growthLines({ title, counted, axis, scale, lines }: GrowthChart): string {
  const name = { color: SOFT_INK, fontSize: FONT_SIZE };
  const label = { color: SOFT_INK, fontSize: FONT_SIZE };
  const colors = { ours: [...OUR_COLORS], others: [...OTHER_COLORS] };
  const option: DrawingOption = {
    title: { text: title, left: 16, top: 10, textStyle: { fontSize: 16, color: INK } },
    legend: { left: 16, top: 40, itemGap: 28, textStyle: { fontSize: FONT_SIZE, color: INK } },
    grid: { left: 84, right: 36, top: 84, bottom: 60 },
    xAxis: {
      type: 'log',
      name: counted,
      nameLocation: 'middle',
      nameGap: 32,
      nameTextStyle: name,
      axisLabel: label,
      splitLine: { lineStyle: { color: RULE } },
      ...extent(lines.flatMap(({ points }) => points.map(([count]) => count))),
    },
    yAxis: {
      type: scale === 'log' ? 'log' : 'value',
      name: axis,
      nameLocation: 'middle',
      nameGap: 60,
      nameTextStyle: name,
      axisLabel: label,
      splitLine: { lineStyle: { color: RULE } },
    },
    series: lines.map(({ label, points, isOurs }, index) => ({
      name: label,
      type: 'line',
      silent: true,
      symbol: SYMBOLS[index % SYMBOLS.length] ?? 'circle',
      symbolSize: 8,
      color: (isOurs ? colors.ours : colors.others).shift() ?? INK,
      lineStyle: { width: 2 },
      data: points.map(([count, value]) => [count, value]),
    })),
  };
  return draw(WIDTH, HEIGHT, option);
}

function extent(counts: readonly number[]): { min: number; max: number } {
  return { min: Math.min(...counts), max: Math.max(...counts) };
}
