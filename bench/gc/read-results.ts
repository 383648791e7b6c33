/** Results of `resources/read` as a client gets them: texts, to be parsed anew for each use. */

/** The key of a resident. */
export function uriOf(index: number): string {
  return `res://host-${index % 10}/documents/${String(index).padStart(8, '0')}`;
}

/** Odd, and prime to the number of residents, so that residents do not all keep their texts. */
const TEXTS = 997;
const LEAST_TEXT_BYTES = 220;
const MOST_TEXT_BYTES = 480;
const FILLER = 'The quick brown fox jumps over the lazy dog; 0123456789 times. '.repeat(20);

/** JSON of 0.7 to 1.2 kB, two contents each, no two alike. */
export const RESULT_TEXTS: readonly string[] = Array.from({ length: TEXTS }, (_, index) => {
  const span = MOST_TEXT_BYTES - LEAST_TEXT_BYTES;
  const length = LEAST_TEXT_BYTES + ((index * 7_919) % span);
  const contents = [0, 1].map((part) => ({
    uri: `${uriOf(index)}#${part}`,
    mimeType: 'text/plain',
    text: `${String(index).padStart(8, '0')}${FILLER.slice(index % 63, length)}`,
  }));
  return JSON.stringify({ contents });
});

/** A result that nobody else holds. */
export function readResult(text: number): object {
  return JSON.parse(RESULT_TEXTS[text] ?? '') as object;
}
