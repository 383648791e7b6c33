import { draw, FONT_SIZE, INK, RULE, SOFT_INK, type DrawingOption } from './drawing.ts';

/** What a bar is of: each has a colour. */
export type BarStyle = 'subject' | 'ours' | 'rival' | 'floor' | 'lost';

const COLORS: Readonly<Record<BarStyle, string>> = {
  subject: '#0e7c66',
  ours: '#7cbfb0',
  rival: '#8792a2',
  floor: '#c9cfd8',
  lost: '#b3261e',
};

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as text, which stands beside the bar. */
  readonly caption: string;
  readonly style: BarStyle;
}

/** Horizontal bars over an axis of their own. */
export interface BarPanel {
  readonly title: string;
  /** What the axis measures, with the unit. */
  readonly axis: string;
  readonly scale: 'linear' | 'log';
  readonly bars: readonly Bar[];
  /** A line across, and what it means. */
  readonly reference?: { readonly value: number; readonly label: string };
}

export interface BarChart {
  readonly title: string;
  /** What the colours mean. */
  readonly key: string;
  readonly panels: readonly BarPanel[];
}

const PANEL_WIDTH = 520;
const LABEL_WIDTH = 190;
/** Where labels name workload and contender. */
const WIDE_LABEL_WIDTH = 280;
const CAPTION_WIDTH = 84;
const BAR_STEP = 22;
const HEAD = 64;
const PANEL_HEAD = 44;
const PANEL_FOOT = 56;

/** Panels in two columns, one below the other where there is only one. */
export function barPanels({ title, key, panels }: BarChart): string {
  const columns = panels.length > 1 ? 2 : 1;
  const width = columns === 1 ? 1.5 * PANEL_WIDTH : columns * PANEL_WIDTH;
  const panelWidth = width / columns;
  const labelWidth = columns === 1 ? WIDE_LABEL_WIDTH : LABEL_WIDTH;
  const titles: DrawingOption['title'] = [
    {
      ...{ text: title, subtext: key, left: 16, top: 10, itemGap: 6 },
      textStyle: { fontSize: 16, color: INK },
      subtextStyle: { fontSize: FONT_SIZE, color: SOFT_INK },
    },
  ];
  const grids: DrawingOption['grid'] = [];
  const xAxes: object[] = [];
  const yAxes: object[] = [];
  const series: object[] = [];
  let y = HEAD;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const height = Math.max(...row.map(({ bars }) => bars.length)) * BAR_STEP;
    for (const [column, panel] of row.entries()) {
      const index = first + column;
      const left = column * panelWidth;
      titles.push({
        ...{ text: panel.title, left: left + 16, top: y + 12 },
        textStyle: { fontSize: 13, color: INK },
      });
      grids.push({
        left: left + labelWidth,
        top: y + PANEL_HEAD,
        width: panelWidth - labelWidth - CAPTION_WIDTH,
        height: panel.bars.length * BAR_STEP,
      });
      xAxes.push(valueAxis(panel, index));
      yAxes.push(labelAxis(panel, index));
      series.push(bars(panel, index));
    }
    y += PANEL_HEAD + height + PANEL_FOOT;
  }
  const option = { title: titles, grid: grids, xAxis: xAxes, yAxis: yAxes, series };
  return draw(width, y, option);
}

/** A logarithmic axis begins at the power of ten below the least value: bars have no zero there. */
function logStart(values: readonly number[]): number {
  return 10 ** (Math.ceil(Math.log10(Math.min(...values))) - 1);
}

function valueAxis({ axis, scale, bars }: BarPanel, gridIndex: number): object {
  const values = bars.map(({ value }) => value);
  const isLog = scale === 'log' && Math.min(...values) > 0;
  return {
    gridIndex,
    type: isLog ? 'log' : 'value',
    min: isLog ? logStart(values) : Math.min(0, ...values),
    name: axis,
    nameLocation: 'middle',
    nameGap: 24,
    nameTextStyle: { color: SOFT_INK, fontSize: FONT_SIZE },
    splitNumber: 4,
    axisLabel: { color: SOFT_INK, fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: RULE } },
  };
}

function labelAxis({ bars }: BarPanel, gridIndex: number): object {
  return {
    gridIndex,
    type: 'category',
    inverse: true,
    data: bars.map(({ label }) => label),
    axisTick: { show: false },
    axisLine: { lineStyle: { color: SOFT_INK } },
    axisLabel: { color: INK, fontSize: FONT_SIZE, interval: 0 },
  };
}

function bars({ bars, reference }: BarPanel, index: number): object {
  return {
    type: 'bar',
    ...{ xAxisIndex: index, yAxisIndex: index, barWidth: 15, silent: true },
    data: bars.map(({ value, caption, style }) => ({
      value,
      itemStyle: { color: COLORS[style] },
      label: { show: true, position: 'right', formatter: caption, color: INK, fontSize: FONT_SIZE },
    })),
    ...(reference === undefined
      ? {}
      : {
          markLine: {
            symbol: 'none',
            silent: true,
            lineStyle: { color: INK, type: 'solid', width: 1.25 },
            label: { formatter: reference.label, position: 'start', color: INK, fontSize: 11 },
            data: [{ xAxis: reference.value }],
          },
        }),
  };
}
