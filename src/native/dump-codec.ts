import type {
  DumpEntry,
  DumpReader as NativeDumpReader,
  DumpWriter as NativeDumpWriter,
} from '../../crates/binding/binding.cjs';
import { callNative, loadAddon } from './addon.ts';

export type { DumpEntry };

/** Writes a dump, entry by entry. @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` when made */
export class DumpWriter {
  readonly #writer: NativeDumpWriter = callNative(() => new (loadAddon().DumpWriter)());

  /**
   * @returns how many bytes wait to be taken
   * @throws `ERR_GRANARY_BAD_OPTION` for an entry of more than 1 GiB; the dump goes on without it
   */
  push(entry: DumpEntry): number {
    return callNative(() => this.#writer.push(entry));
  }

  /** The dump so far, from where the last call ended. */
  takeOutput(): Uint8Array {
    return callNative(() => this.#writer.takeOutput());
  }

  /** Ends the dump; what is left of it is to be taken. */
  finish(): void {
    callNative(() => this.#writer.finish());
  }
}

/** Reads a dump, in pieces of any size. @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME` when made */
export class DumpReader {
  readonly #reader: NativeDumpReader = callNative(() => new (loadAddon().DumpReader)());

  /** To be followed by `check`, or by `nextEntry` until there is none. */
  push(bytes: Uint8Array): void {
    callNative(() => this.#reader.push(bytes));
  }

  /**
   * @returns `undefined` where more bytes are needed first
   * @throws `ERR_GRANARY_BAD_DUMP`
   */
  nextEntry(): DumpEntry | undefined {
    return callNative(() => this.#reader.nextEntry()) ?? undefined;
  }

  /** Checks what was pushed. @throws `ERR_GRANARY_BAD_DUMP` */
  check(): void {
    callNative(() => this.#reader.check());
  }

  /** @throws `ERR_GRANARY_BAD_DUMP` unless the dump is whole */
  finish(): void {
    callNative(() => this.#reader.finish());
  }
}
