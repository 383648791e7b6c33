import { Buffer } from 'node:buffer';
import { DefaultDeserializer, DefaultSerializer, serialize } from 'node:v8';

import { intrinsicGetter } from './own-property.ts';

/** Ours, in front of V8's own: a later format is no value to this one. */
const FORMAT_VERSION = 1;

/** The newest clones that this process can read: our format, and V8's. */
export const NEWEST_CLONES = {
  format: FORMAT_VERSION,
  v8Format: serialize(null)[1]!,
} as const;

/** Types of views by their number within the format: more may only be added at the end. */
const VIEW_TYPES = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
  Buffer,
] as const;

const VIEW_NAMES = VIEW_TYPES.map((type) => type.name);
const typedArrayName = intrinsicGetter(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
);

/**
 * Views are written by us: Node's own reader lays them over the bytes that it reads, or over a slab
 * that all Buffers share, so that what a caller writes to one would show elsewhere.
 */
class CloneSerializer extends DefaultSerializer {
  _writeHostObject(view: unknown): void {
    if (!ArrayBuffer.isView(view)) throw new TypeError('an object of the runtime has no bytes');
    this.writeUint32(viewType(view));
    this.writeUint32(view.byteLength);
    this.writeRawBytes(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  }
}

class CloneDeserializer extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const type = VIEW_TYPES[this.readUint32()];
    if (type === undefined) throw new TypeError('a view of a type that is not known here');
    const { buffer } = new Uint8Array(this.readRawBytes(this.readUint32()));
    return type === Buffer ? Buffer.from(buffer) : new (type as Uint8ArrayConstructor)(buffer);
  }
}

function viewType(view: ArrayBufferView): number {
  const name = Buffer.isBuffer(view)
    ? 'Buffer'
    : ((typedArrayName(view) as string | undefined) ?? 'DataView');
  const type = VIEW_NAMES.indexOf(name);
  if (type < 0) throw new TypeError(`a ${name} has no number in the format of clones`);
  return type;
}

/**
 * Writes a structured clone of a value.
 *
 * @throws what V8 says of values that cannot be cloned, and what getters of the value throw
 */
export function serializeClone(value: unknown): Uint8Array {
  const serializer = new CloneSerializer();
  serializer.writeRawBytes(Uint8Array.of(FORMAT_VERSION));
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

/** @returns a value of its own; `undefined` for a later format, by us or V8, and for nonsense. */
export function deserializeClone(bytes: Uint8Array): unknown {
  if (bytes[0] !== FORMAT_VERSION) return undefined;
  try {
    const deserializer = new CloneDeserializer(bytes.subarray(1));
    deserializer.readHeader();
    return deserializer.readValue();
  } catch {
    return undefined;
  }
}
