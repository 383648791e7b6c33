/** @returns draws of `draw`, where after every `period` of them each rank means another key. */
export function shifting(draw: () => number, ranks: number, period: number): () => number {
  let access = 0;
  return () => Math.floor(access++ / period) * ranks + draw();
}
