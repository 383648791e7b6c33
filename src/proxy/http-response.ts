import type { IncomingMessage } from 'node:http';

import { createParser } from 'eventsource-parser';

import type { Logger } from '../logger.ts';
import { parseMessages, type Message } from './message.ts';
import { UpstreamError } from './upstream-error.ts';

/** How far a stream of events was read. */
export class ResponseReading {
  lastEventId: string | undefined;
  /** How long the server wants its client to wait before it comes back, in ms. */
  retryMs: number | undefined;
}

interface ReadingOptions {
  readonly take: (message: Message) => void;
  readonly maxMessageBytes: number;
  readonly logger: Logger;
  /** What was read of the same stream before it broke off; is told how far it comes. */
  readonly reading: ResponseReading;
  /** What reading on waits for, where messages are not taken in for now. */
  readonly held: () => Promise<void> | undefined;
}

/**
 * Reads the messages of a response, which is JSON or a stream of events, to its end.
 *
 * @throws (rejects with) `UpstreamError` for one that is neither, or too large
 */
export async function readMessages(
  response: IncomingMessage,
  options: ReadingOptions,
): Promise<void> {
  const [type = ''] = (response.headers['content-type'] ?? '').split(';', 1);
  switch (type.trim().toLowerCase()) {
    case 'application/json':
      return readJson(response, options);
    case 'text/event-stream':
      return readEvents(response, options);
    default:
      response.resume();
      throw new UpstreamError(`the upstream answered with content of type ${JSON.stringify(type)}`);
  }
}

async function readJson(
  response: IncomingMessage,
  { take, maxMessageBytes }: ReadingOptions,
): Promise<void> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxMessageBytes) throw tooLarge(maxMessageBytes);
    chunks.push(chunk);
  }
  if (bytes === 0) return;
  let messages: readonly Message[];
  try {
    messages = parseMessages(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new UpstreamError(`the upstream's answer is no message: ${(error as Error).message}`);
  }
  for (const message of messages) take(message);
}

async function readEvents(
  response: IncomingMessage,
  { take, maxMessageBytes, logger, reading, held }: ReadingOptions,
): Promise<void> {
  let failure: UpstreamError | undefined;
  const parser = createParser({
    // In characters, of which there are no more than bytes.
    maxBufferSize: maxMessageBytes,
    onRetry: (ms) => {
      reading.retryMs = ms;
    },
    onEvent: ({ id, event = 'message', data }) => {
      if (id !== undefined) reading.lastEventId = id;
      if (event !== 'message' || data === '') return;
      try {
        for (const message of parseMessages(data)) take(message);
      } catch (error) {
        logger.warn('an event of the upstream was ignored', { reason: (error as Error).message });
      }
    },
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') failure = tooLarge(maxMessageBytes);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response as AsyncIterable<Buffer>) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (failure !== undefined) throw failure;
    await held();
  }
}

function tooLarge(maxMessageBytes: number): UpstreamError {
  return new UpstreamError(
    `the upstream's answer is too large: a message is longer than ${maxMessageBytes} bytes`,
  );
}
