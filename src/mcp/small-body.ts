import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** What has arrived of a body. */
export interface SmallBody {
  readonly bytes: Buffer;
  /** Gives the bytes back to the request, as if nobody had read them; within the same turn. */
  giveBack(): void;
}

/** @returns the length that a request says its body has, `undefined` where that is not one number. */
export function bodyLengthOf({ headers }: IncomingMessage): number | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  return encoding === undefined && length !== undefined && /^\d{1,15}$/.test(length)
    ? Number(length)
    : undefined;
}

/**
 * Reads a body whose length is known to be small.
 *
 * @param byteLength what `bodyLengthOf` says, not 0
 * @returns (resolves with) `undefined` where the request ends before its body does
 */
export function readSmallBody(
  request: IncomingMessage,
  byteLength: number,
  take: (body: SmallBody | undefined) => void,
): void {
  const parts: Buffer[] = [];
  let received = 0;
  const leave = (): void => {
    request.off('data', add);
    request.off('close', giveUp);
  };
  const giveUp = (): void => {
    leave();
    take(undefined);
  };
  const add = (part: Buffer): void => {
    parts.push(part);
    received += part.length;
    if (received < byteLength) return;
    leave();
    // Nothing more flows, and the end is not told, until somebody reads on.
    request.pause();
    const bytes = parts.length === 1 ? part : Buffer.concat(parts);
    take({ bytes, giveBack: () => request.unshift(bytes) });
  };
  request.on('close', giveUp);
  request.on('data', add);
}
