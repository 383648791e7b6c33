import { types } from 'node:util';

import { DumpReader } from '../native/dump-codec.ts';
import { badOption } from '../options.ts';
import { DumpSpool } from './dump-spool.ts';
import { TimeSlice } from './time-slice.ts';

/** The bytes of a dump, in pieces of any size: a stream, a file, what `dump()` returned. */
export type DumpSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What became of the entries of a dump. */
export interface RestoreSummary {
  /** Entered the cache; what had to leave it again at once, since it is full, is among them. */
  readonly restored: number;
  /** Had expired by now. */
  readonly expired: number;
  /**
   * Left out: held already, set or invalidated since the restore began, too large for this cache, or
   * written by a Node whose clones this one cannot read.
   */
  readonly skipped: number;
}

/** Where entries of a dump go, piece by piece, once the whole of it has been checked. */
export interface DumpSink {
  push(bytes: Uint8Array): void;
  /** Takes in one more entry of what was pushed. @returns whether there may be another */
  step(): boolean;
  readonly summary: RestoreSummary;
}

/** Pieces of a source may be of any size; this much of one is looked at before others get their turn. */
const PIECE_BYTES = 64 * 1024;

/**
 * Reads a dump to its end and checks it, then hands it to the sink: one that is not whole changes
 * nothing.
 *
 * @param openSink called when the dump has proved whole; throws where the cache is closed by then
 * @throws (rejects with) `ERR_GRANARY_BAD_DUMP`, and what the source throws
 */
export async function restoreDump(
  source: DumpSource,
  openSink: () => DumpSink,
): Promise<RestoreSummary> {
  const spool = new DumpSpool();
  try {
    await checkInto(spool, source);
    const sink = openSink();
    const slice = new TimeSlice();
    for await (const bytes of spool.read()) {
      for (const piece of piecesOf(bytes)) {
        sink.push(piece);
        while (sink.step()) if (slice.isOver()) await slice.next();
      }
    }
    return sink.summary;
  } finally {
    await spool.close();
  }
}

async function checkInto(spool: DumpSpool, source: DumpSource): Promise<void> {
  const reader = new DumpReader();
  const slice = new TimeSlice();
  for await (const given of source) {
    if (!types.isUint8Array(given)) badOption('source', given, 'an iterable of Uint8Arrays');
    // What another thread may write to is not the same when it is read again.
    const bytes = types.isSharedArrayBuffer(given.buffer) ? new Uint8Array(given) : given;
    for (const piece of piecesOf(bytes)) {
      reader.push(piece);
      reader.check();
      if (slice.isOver()) await slice.next();
    }
    await spool.write(bytes);
  }
  reader.finish();
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
