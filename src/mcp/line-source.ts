import { Readable } from 'node:stream';

/** A stream that hands on what it is given at once, within the call: it keeps nothing itself. */
export class LineSource extends Readable {
  override _read(): void {
    // What there is has been handed on.
  }

  deliver(bytes: Buffer): void {
    this.emit('data', bytes);
  }
}
