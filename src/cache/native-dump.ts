import { callNative, loadAddon } from '../native/addon.ts';
import type { StoreDump, StoreHandle } from '../native/store-opening.ts';
import { NEWEST_CLONES } from './clone-format.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import type { Restore } from './restores.ts';
import { TimeSlice } from './time-slice.ts';

/** What dumps and restores ask of a native store. */
export interface DumpHome {
  /** The time of a call, where time is the user's. */
  at(): number;
  takeMessages(): void;
}

/** Begins a dump with the keys of now. */
export function openDump(handle: StoreHandle, at: number): StoreDump {
  return callNative(() => new (loadAddon().StoreDump)(handle, at));
}

/** Entries go from the store into the dump without becoming JS; each as it is when its turn comes. */
export async function* dumpNative(
  dump: StoreDump,
  handle: StoreHandle,
  home: DumpHome,
  host: DumpHost,
): AsyncGenerator<Uint8Array, void, undefined> {
  const slice = new TimeSlice();
  for (;;) {
    host.checkOpen();
    const piece = dump.next(handle, home.at());
    home.takeMessages();
    host.flush();
    if (piece === null) break;
    if (piece.length > 0) yield piece;
    if (slice.isOver()) await slice.next();
  }
  const entries = dump.leftOut();
  if (entries > 0) host.logger?.warn('entries that cannot be dumped were left out', { entries });
}

/** Takes entries of a dump into a native store. */
export class NativeSink implements DumpSink {
  readonly summary = { restored: 0, expired: 0, skipped: 0 };
  readonly #restore;
  readonly #rules: Restore;
  readonly #handle: StoreHandle;
  readonly #host: SinkHost;
  readonly #home: DumpHome;

  /** @param restore what has overtaken the dump since it began: the store knows keys and tags by itself */
  constructor(handle: StoreHandle, restore: Restore, host: SinkHost, home: DumpHome) {
    const { since } = restore;
    const { format, v8Format } = NEWEST_CLONES;
    this.#rules = restore;
    this.#restore = callNative(() => new (loadAddon().StoreRestore)(since, format, v8Format));
    this.#handle = handle;
    this.#host = host;
    this.#home = home;
  }

  readonly #isOvertaken = (key: string, tags: string[]): boolean =>
    this.#rules.isOvertaken(key, tags);

  push(bytes: Uint8Array): void {
    this.#restore.push(bytes);
  }

  step(): boolean {
    this.#host.checkOpen();
    const refuses = this.#rules.hasRules ? this.#isOvertaken : undefined;
    const { keys, stale, expired, skipped, more } = callNative(() =>
      this.#restore.step(this.#handle, this.#home.at(), refuses),
    );
    this.summary.restored += keys.length;
    this.summary.expired += expired;
    this.summary.skipped += skipped;
    for (const key of [...keys, ...stale]) this.#host.restored(key);
    this.#home.takeMessages();
    this.#host.flush();
    return more;
  }
}
