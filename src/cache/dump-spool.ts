import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** As much of a dump is held in memory, the rest of a larger one in a file. */
const MEMORY_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/**
 * Keeps the bytes of a dump until it is known whether it is whole: in memory, and from 8 MB on in a
 * temporary file that only this user may read. The file has no name while it is in use, where the
 * system allows that, so that it is gone with the process however that ends.
 */
export class DumpSpool {
  readonly #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #file: FileHandle | undefined;
  #path = '';
  #isNamed = false;
  #fileBytes = 0;

  /** @throws (rejects with) what the system says where the file cannot be written */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#file === undefined && this.#heldBytes + bytes.length <= MEMORY_BYTES) {
      // A copy: the source may use its memory again.
      this.#pieces.push(new Uint8Array(bytes));
      this.#heldBytes += bytes.length;
      return;
    }
    this.#file ??= await this.#openFile();
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        written,
        bytes.length - written,
        this.#fileBytes,
      );
      written += bytesWritten;
      this.#fileBytes += bytesWritten;
    }
  }

  /** All that was written; each piece is to be used before the next is asked for. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield* this.#pieces;
    const buffer = new Uint8Array(READ_BYTES);
    for (let position = 0; position < this.#fileBytes;) {
      const { bytesRead } = await this.#file!.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0) throw new Error('the temporary copy of a dump has become shorter');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    this.#pieces.length = 0;
    await this.#file?.close();
    if (this.#isNamed) await rm(this.#path, { force: true });
  }

  async #openFile(): Promise<FileHandle> {
    this.#path = path.join(tmpdir(), `mcp-granary-restore-${randomUUID()}`);
    const file = await open(this.#path, 'wx+', 0o600);
    this.#isNamed = await rm(this.#path).then(
      () => false,
      () => true,
    );
    return file;
  }
}
