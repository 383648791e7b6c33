/**
 * Hashes a key into two 32-bit words at `at`: two multiplicative lanes over its UTF-16 units, each
 * from a seed drawn once per process, mixed by the finalizer of MurmurHash3 (Appleby, public domain).
 *
 * moka's sketch counts by it. Keys that collide share a frequency; who is who is not decided here.
 */
export function writeKeyHash(
  words: Int32Array,
  at: number,
  key: string,
  seedLow: number,
  seedHigh: number,
): void {
  let low = seedLow;
  let high = seedHigh ^ key.length;
  for (let position = 0; position < key.length; position++) {
    const unit = key.charCodeAt(position);
    low = Math.imul(low ^ unit, 0x9e37_79b1);
    high = Math.imul(high ^ unit, 0x85eb_ca77);
    high ^= high >>> 15;
  }
  words[at] = finalize(low ^ (high >>> 7));
  words[at + 1] = finalize(high ^ (low >>> 9));
}

function finalize(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
