import { describeUri } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { DumpReader, DumpWriter, type DumpEntry } from '../native/dump-codec.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import type { EntryLife, HeapStore } from './heap-store.ts';
import type { Restore } from './restores.ts';
import { TimeSlice } from './time-slice.ts';
import { parseValidator, validatorText } from './validator.ts';
import { decodeOwnValue, encodeValue, type ValueKind } from './value-codec.ts';

/** Dumps are handed out in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;

/**
 * Writes down what a store holds, least recently used first, so that a store which takes it in has
 * the same order. Keys are those of now; each entry is as it is when its turn comes.
 */
export function dumpHeap<V>(
  store: HeapStore<V>,
  host: DumpHost,
): AsyncGenerator<Uint8Array, void, undefined> {
  return writePieces(store, store.urisByUse(), host);
}

async function* writePieces<V>(
  store: HeapStore<V>,
  uris: readonly string[],
  host: DumpHost,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new DumpWriter();
  const slice = new TimeSlice();
  const left: LeftOut = { entries: 0, first: '' };
  for (const uri of uris) {
    host.checkOpen();
    const entry = store.entryOf(uri);
    const waiting = entry === undefined ? 0 : pushEntry(writer, uri, entry.value, entry.life, left);
    host.flush();
    if (waiting >= PIECE_BYTES) yield writer.takeOutput();
    if (slice.isOver()) await slice.next();
  }
  writer.finish();
  yield writer.takeOutput();
  if (left.entries > 0) {
    host.logger?.warn('entries that cannot be dumped were left out', { ...left });
  }
}

interface LeftOut {
  entries: number;
  /** The URI of one of them. */
  first: string;
}

/** @returns how many bytes wait to be taken */
function pushEntry(
  writer: DumpWriter,
  uri: string,
  value: unknown,
  life: EntryLife,
  left: LeftOut,
): number {
  const tags = [...life.tags];
  // A dump is UTF-8, in which a lone surrogate would come back as another key.
  if ([uri, ...tags].every((text) => text.isWellFormed())) {
    try {
      const { revalidation, ...told } = life;
      return writer.push({
        key: uri,
        ...encodeValue(uri, value),
        ...told,
        tags,
        ...(revalidation === undefined
          ? {}
          : {
              validator: validatorText(revalidation.validator),
              staleTtlMs: revalidation.staleTtlMs,
            }),
      });
    } catch (error) {
      if (!isUnfit(error)) throw error;
    }
  }
  if (left.entries++ === 0) left.first = describeUri(uri);
  return 0;
}

/** The value cannot be cloned, or is larger than a dump may hold. */
function isUnfit(error: unknown): boolean {
  if (!(error instanceof GranaryError)) return false;
  return error.code === 'ERR_GRANARY_NOT_CLONEABLE' || error.code === 'ERR_GRANARY_BAD_OPTION';
}

/** Takes entries of a dump into a store on the heap. */
export class HeapSink<V> implements DumpSink {
  readonly summary = { restored: 0, expired: 0, skipped: 0 };
  readonly #reader = new DumpReader();
  readonly #store: HeapStore<V>;
  readonly #restore: Restore;
  readonly #host: SinkHost;

  /** @param restore what has overtaken the dump since the restore began */
  constructor(store: HeapStore<V>, restore: Restore, host: SinkHost) {
    this.#store = store;
    this.#restore = restore;
    this.#host = host;
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  step(): boolean {
    this.#host.checkOpen();
    const entry = this.#reader.nextEntry();
    if (entry === undefined) return false;
    this.summary[this.#take(entry)]++;
    this.#host.flush();
    return true;
  }

  #take(entry: DumpEntry): 'restored' | 'expired' | 'skipped' {
    const { key } = entry;
    if (this.#restore.isOvertaken(key, entry.tags)) return 'skipped';
    const value = decodeOwnValue(entry.kind as ValueKind, entry.data) as V | undefined;
    if (value === undefined) return 'skipped';
    const outcome = this.#store.restore(key, value, lifeOf(entry));
    if (outcome === 'restored' || this.#store.revalidatable(key) !== undefined) {
      this.#host.restored(key);
    }
    return outcome;
  }
}

function lifeOf(entry: DumpEntry): EntryLife {
  const { weightBytes, createdAtMs, lastAccessedAtMs, accessCount } = entry;
  const { ttlMs, idleTtlMs, tags, validator: text, staleTtlMs = 0 } = entry;
  const validator = text === undefined ? undefined : parseValidator(text);
  const life = { weightBytes, createdAtMs, lastAccessedAtMs, accessCount, ttlMs, idleTtlMs, tags };
  return validator === undefined ? life : { ...life, revalidation: { validator, staleTtlMs } };
}
