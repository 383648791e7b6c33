import { Buffer } from 'node:buffer';

/** All bytes of a dump. */
export async function dumpBytes(dump: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of dump) pieces.push(piece);
  return Buffer.concat(pieces);
}
