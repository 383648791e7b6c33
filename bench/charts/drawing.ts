import {
  BarChart,
  LineChart,
  ScatterChart,
  type BarSeriesOption,
  type LineSeriesOption,
  type ScatterSeriesOption,
} from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  type GridComponentOption,
  type LegendComponentOption,
  type MarkLineComponentOption,
  type TitleComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

export type DrawingOption = ComposeOption<
  | BarSeriesOption
  | GridComponentOption
  | LegendComponentOption
  | LineSeriesOption
  | MarkLineComponentOption
  | ScatterSeriesOption
  | TitleComponentOption
>;

use([
  ...[BarChart, LineChart, ScatterChart, SVGRenderer],
  ...[GridComponent, LegendComponent, MarkLineComponent, TitleComponent],
]);

/** Dark on a white ground of its own: GitHub shows it in light and dark. */
export const INK = '#1b2330';
export const SOFT_INK = '#4a5462';
export const RULE = '#dfe3e9';
export const FONT_SIZE = 12;
/** Without quotes: it goes into an attribute as it is. */
const FONT = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif';

/** The chart as the text of an SVG file, the same for the same option. */
export function draw(width: number, height: number, option: DrawingOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: FONT, fontSize: FONT_SIZE, color: INK },
      ...option,
    });
    return `${withoutHover(chart.renderToSVGString())}\n`;
  } finally {
    chart.dispose();
  }
}

/** Styles of what a pointer is over, by classes whose numbers count all that this process has drawn. */
function withoutHover(svg: string): string {
  return svg
    .replaceAll(/ class="zr\d+-cls-\d+"/g, '')
    .replace(/\n*<style\b.*<\/style>\n*/s, '\n')
    .replaceAll(/\bzr\d+-/g, 'zr-');
}
