import { callNative, loadAddon } from './addon.ts';

/** One zstd frame of `bytes`, which tells their length. @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` */
export function compressBytes(bytes: Uint8Array): Uint8Array {
  return callNative(() => loadAddon().compressValue(bytes));
}

/**
 * @returns what a frame holds; `undefined` where it is damaged or holds more than `maxBytes`, of which
 *   nothing is inflated
 */
export function inflateBytes(frame: Uint8Array, maxBytes: number): Uint8Array | undefined {
  return callNative(() => loadAddon().inflateValue(frame, maxBytes)) ?? undefined;
}
