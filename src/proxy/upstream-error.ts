import { errorAnswer, SERVER_ERROR, type Answer, type JsonObject } from './message.ts';

/** The upstream has not answered, and will not: it is not there, or went away. */
export class UpstreamError extends Error {
  readonly data: JsonObject;

  /** @param data for the client, in its error: `reason`, `retryAfterMs` */
  constructor(message: string, data: JsonObject = {}) {
    super(message);
    this.name = 'UpstreamError';
    this.data = data;
  }

  get answer(): Answer {
    return errorAnswer(SERVER_ERROR, this.message, {
      reason: 'upstream-unavailable',
      ...this.data,
    });
  }
}

/** Who was to ask the upstream has gone; another has to. */
export class AskerGone extends Error {
  constructor() {
    super('the connection has closed');
    this.name = 'AskerGone';
  }
}
