import { badOption } from '../options.ts';

/** What RFC 3986 does not allow in a path; `/` is left, so that a prefix of a key is one of its URI. */
const NOT_IN_PATH = /[^\w\-.~!$&'()*+,;=:@/]+/g;

/** Half of a character that stands alone, as UTF-8 would write it if it could: after %ED, A0 to BF. */
const LONE_SURROGATES = /((?:%ED%[AB][0-9A-F]%[89AB][0-9A-F])+)/;

/**
 * The URIs of one adapter's keys: a base and, percent-encoded where it has to be, the key.
 *
 * Any string is a key, and no two share a URI. Each character is encoded by itself, so the keys that
 * begin with a text are those whose URIs begin with that of the text.
 */
export class KeySpace {
  readonly #base: string;

  /** @param base what every URI of this space begins with, and no other */
  constructor(base: string) {
    this.#base = base;
  }

  /** Costs a scan of the key. @throws `ERR_GRANARY_BAD_OPTION` unless `key` is a string */
  uriOf(key: string): string {
    if (typeof key !== 'string') badOption('key', key, 'a string');
    return this.#base + encodeText(key);
  }

  /** @returns the key of a URI; `undefined` where it is not of this space. */
  keyOf(uri: string): string | undefined {
    return uri.startsWith(this.#base) ? decodeText(uri.slice(this.#base.length)) : undefined;
  }

  /** @returns what `invalidatePattern` takes for the keys that begin with `prefix`. */
  patternOf(prefix: string): string {
    return `${this.uriOf(prefix)}*`;
  }
}

/** @returns `text` as a part of a URI that has no delimiter in it, not even `/`. */
export function encodeSegment(text: string): string {
  return encodeText(text).replaceAll(/[:@/]/g, encodeURIComponent);
}

function encodeText(text: string): string {
  return text.replaceAll(NOT_IN_PATH, encodeRun);
}

function encodeRun(run: string): string {
  if (run.isWellFormed()) return encodeURIComponent(run);
  // A string is walked by characters: pairs stay together.
  return Array.from(run, (character) =>
    character.isWellFormed() ? encodeURIComponent(character) : encodeSurrogate(character),
  ).join('');
}

/** `encodeURIComponent` refuses these, and storage `native` would take all of them for one character. */
function encodeSurrogate(character: string): string {
  const code = character.charCodeAt(0);
  const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
}

function decodeText(text: string): string {
  // The pieces at odd places are what the expression has caught.
  return text
    .split(LONE_SURROGATES)
    .map((piece, at) => (at % 2 === 0 ? decodeURIComponent(piece) : decodeSurrogates(piece)))
    .join('');
}

function decodeSurrogates(piece: string): string {
  return piece.replaceAll(/%ED%(..)%(..)/g, (_, second: string, third: string) =>
    String.fromCharCode(
      0xd000 | ((Number.parseInt(second, 16) & 0x3f) << 6) | (Number.parseInt(third, 16) & 0x3f),
    ),
  );
}
