import { types } from 'node:util';

import { intrinsicGetter } from './own-property.ts';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const viewLength = intrinsicGetter(typedArray, 'byteLength');
const viewBuffer = intrinsicGetter(typedArray, 'buffer');
const dataViewLength = intrinsicGetter(DataView.prototype, 'byteLength');
const dataViewBuffer = intrinsicGetter(DataView.prototype, 'buffer');
const bufferLength = intrinsicGetter(ArrayBuffer.prototype, 'byteLength');
const sharedLength = intrinsicGetter(SharedArrayBuffer.prototype, 'byteLength');

/**
 * Buffers up to this size may be slabs that many views share: Node cuts Buffers from 8 KiB
 * (`Buffer.poolSize`), and its file streams from 64 KiB. A part of one is charged for itself.
 */
const MAX_SLAB_BYTES = 64 * 1024;

/** @returns the byteLength of an ArrayBuffer or SharedArrayBuffer (0 when detached). */
export function arrayBufferBytes(buffer: object): number {
  return (
    types.isSharedArrayBuffer(buffer) ? sharedLength(buffer) : bufferLength(buffer)
  ) as number;
}

/** The bytes that one view is charged with, and the buffer that it keeps alive. */
export function viewStorage(view: ArrayBufferView): {
  readonly bytes: number;
  /** The whole buffer, where the view is charged with all of it; several views share one charge. */
  readonly whole: object | undefined;
} {
  // A DataView over a buffer that was detached or shrunk throws where a typed array says 0.
  if (types.isTypedArray(view)) {
    const bytes = viewLength(view) as number;
    return storage(bytes, viewBuffer(view) as object);
  }
  const buffer = dataViewBuffer(view) as object;
  return arrayBufferBytes(buffer) === 0
    ? { bytes: 0, whole: undefined }
    : storage(dataViewBytes(view), buffer);
}

function storage(bytes: number, buffer: object): { bytes: number; whole: object | undefined } {
  const held = arrayBufferBytes(buffer);
  return bytes < held && held <= MAX_SLAB_BYTES
    ? { bytes, whole: undefined }
    : { bytes: held, whole: buffer };
}

function dataViewBytes(view: ArrayBufferView): number {
  try {
    return dataViewLength(view) as number;
  } catch {
    // The view lies outside a resizable buffer that has shrunk: it sees nothing of it.
    return 0;
  }
}
