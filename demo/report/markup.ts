/** Text as it may stand in an element or a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** What a series looks like in every chart; the style sheet has a colour for each. */
export type SeriesStyle = 'plain' | 'granary';

/** An SVG that scales with its column, and says in words what it shows. */
export function svg(width: number, height: number, title: string, content: string): string {
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">` +
    `<title>${escaped(title)}</title>${content}</svg>`
  );
}

export function text(x: number, y: number, content: string, className = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${className}">${escaped(content)}</text>`;
}

/** A tenth of a pixel is enough. */
export function round(value: number): number {
  return Math.round(10 * value) / 10;
}
