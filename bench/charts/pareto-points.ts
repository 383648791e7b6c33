import { draw, FONT_SIZE, INK, RULE, SOFT_INK, type DrawingOption } from './drawing.ts';

export interface ParetoPoint {
  readonly label: string;
  readonly isOurs: boolean;
  readonly x: number;
  readonly y: number;
}

export interface ParetoChart {
  readonly title: string;
  /** What each axis measures, with the unit; less is better on both. */
  readonly xAxis: string;
  readonly yAxis: string;
  readonly points: readonly ParetoPoint[];
}

const WIDTH = 780;
const HEIGHT = 460;

/** One point a contender: what lies left of another and below is better than it on both. */
export function paretoPoints({ title, xAxis, yAxis, points }: ParetoChart): string {
  const axis = {
    type: 'value',
    nameLocation: 'middle',
    scale: true,
    nameTextStyle: { color: SOFT_INK, fontSize: FONT_SIZE },
    axisLabel: { color: SOFT_INK, fontSize: FONT_SIZE },
    splitLine: { lineStyle: { color: RULE } },
  } as const;
  const option: DrawingOption = {
    title: { text: title, left: 16, top: 10, textStyle: { fontSize: 16, color: INK } },
    grid: { left: 84, right: 90, top: 64, bottom: 60 },
    xAxis: { ...axis, name: xAxis, nameGap: 32 },
    yAxis: { ...axis, name: yAxis, nameGap: 60, min: 0 },
    series: points.map(({ label, isOurs, x, y }) => ({
      name: label,
      type: 'scatter',
      silent: true,
      symbol: isOurs ? 'diamond' : 'circle',
      symbolSize: isOurs ? 14 : 10,
      color: isOurs ? '#0e7c66' : '#8792a2',
      label: { show: true, position: 'right', formatter: label, color: INK, fontSize: FONT_SIZE },
      data: [[x, y]],
    })),
  };
  return draw(WIDTH, HEIGHT, option);
}
