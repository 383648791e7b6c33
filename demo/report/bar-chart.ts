import { escaped, round, svg, text, type SeriesStyle } from './markup.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value with its unit. */
  readonly caption: string;
  readonly style: SeriesStyle;
  /** Smallest and largest of what the value is the median of. */
  readonly range?: readonly [low: number, high: number];
  /** What the value must not exceed, drawn as the bar's track. */
  readonly limit?: number;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface BarChart {
  readonly title: string;
  readonly groups: readonly BarGroup[];
  readonly width: number;
}

const LABEL_WIDTH = 104;
/** Wide enough for digits and units in the fonts of the style sheet. */
const CHARACTER_WIDTH = 8.5;
const CAPTION_GAP = 8;
const BAR_HEIGHT = 18;
const BAR_STEP = 24;
const TITLE_HEIGHT = 24;
const GROUP_GAP = 14;

/** Horizontal bars that begin at zero, in groups, each with its value beside it. */
export function barChart({ title, groups, width }: BarChart): string {
  const bars = groups.flatMap((group) => group.bars);
  const largest = Math.max(...bars.map(extent), Number.MIN_VALUE);
  const longest = Math.max(...bars.map(({ caption }) => caption.length));
  const captionWidth = CAPTION_GAP + longest * CHARACTER_WIDTH;
  const scale = (width - LABEL_WIDTH - captionWidth) / largest;
  let y = 0;
  const parts: string[] = [];
  for (const group of groups) {
    if (group.title !== '') {
      parts.push(text(0, y + 15, group.title, 'group'));
      y += TITLE_HEIGHT;
    }
    for (const bar of group.bars) {
      parts.push(drawBar(bar, y, scale));
      y += BAR_STEP;
    }
    y += GROUP_GAP;
  }
  return svg(width, y - GROUP_GAP, title, parts.join(''));
}

function extent({ value, range, limit }: Bar): number {
  return Math.max(value, range?.[1] ?? 0, limit ?? 0);
}

function drawBar(bar: Bar, y: number, scale: number): string {
  const { label, value, caption, style, range, limit } = bar;
  const at = (figure: number) => round(LABEL_WIDTH + figure * scale);
  const rectangle = (figure: number, className: string) =>
    `<rect x="${LABEL_WIDTH}" y="${y}" width="${round(Math.max(figure * scale, 1))}" height="${BAR_HEIGHT}" rx="2" class="${className}"/>`;
  const middle = y + BAR_HEIGHT / 2;
  const parts = [text(LABEL_WIDTH - 8, middle + 4, label, 'label end')];
  if (limit !== undefined) parts.push(rectangle(limit, 'track'));
  parts.push(rectangle(value, style));
  if (range !== undefined) {
    const [low, high] = [at(range[0]), at(range[1])];
    parts.push(
      `<path d="M${low} ${middle}H${high}M${low} ${middle - 4}v8M${high} ${middle - 4}v8" class="whisker"/>`,
    );
  }
  parts.push(text(at(extent(bar)) + CAPTION_GAP, middle + 4, caption, 'caption'));
  return `<g><title>${escaped(`${label}: ${caption}`)}</title>${parts.join('')}</g>`;
}
