import { styleText } from 'node:util';
import stringWidth from 'string-width';

/** How a part of a line looks, where there are colours. */
export type Style = 'plain' | 'heading' | 'faint' | 'good' | 'near' | 'over';

/** A part of a line. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** Parts side by side; none holds a control character. */
export type TextLine = readonly Span[];

const FORMATS = {
  plain: [],
  heading: ['bold'],
  faint: ['dim'],
  good: ['green'],
  near: ['yellow'],
  over: ['red', 'bold'],
} as const;

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Of a text that is cut anyway, the rest is not even measured. */
const MAX_UNITS = 2_000;

/** How many columns of a terminal a text takes: some characters take two, or none. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** @returns the text, cut so that it takes at most `width` columns; that it was cut can be seen. */
export function cutText(text: string, width: number): string {
  const whole = text.length > MAX_UNITS ? text.slice(0, MAX_UNITS) : text;
  if (whole === text && widthOf(text) <= width) return text;
  let kept = '';
  let keptWidth = 0;
  for (const { segment } of GRAPHEMES.segment(whole)) {
    keptWidth += widthOf(segment);
    if (keptWidth > width - 1) break;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : '';
}

/** @returns the line as it is written, cut to `width` columns, nothing after its last character. */
export function lineText(line: TextLine, width: number, hasColours: boolean): string {
  let room = width;
  let written = '';
  const last = line.findLastIndex(({ text }) => text.trimEnd() !== '');
  for (const { text, style } of line.slice(0, last + 1)) {
    if (room <= 0) break;
    const cut = cutText(text, room);
    room -= widthOf(cut);
    written += hasColours ? paint(cut, style) : cut;
  }
  return hasColours ? written : written.trimEnd();
}

function paint(text: string, style: Style): string {
  if (style === 'plain') return text;
  // Whether there are colours is known already.
  return styleText([...FORMATS[style]], text, { validateStream: false });
}
