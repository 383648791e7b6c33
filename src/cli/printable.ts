/** C0, DEL, C1 and the line breaks of Unicode: what begins a line or commands a terminal. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
/** Those, and what is invisible or turns the direction of what follows it. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Escapes control characters as JSON may: in a text that is JSON it means what it meant. */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, escapeOf);
}

/** Escapes whatever would not stand in its place, so that a text looks like what it is. */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, escapeOf);
}

/** As JSON writes it, which leaves DEL, C1 and the line breaks of Unicode as they are. */
function escapeOf(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
