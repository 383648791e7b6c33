export type RequestId = string | number;
export type JsonObject = Readonly<Record<string, unknown>>;

/** The error of a response (JSON-RPC 2.0, section 5.1). */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** An answer without the id of its request. */
export type Answer = { readonly result: JsonObject } | { readonly error: RpcError };

export type MessageKind = 'request' | 'notification' | 'response';

export const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;
export const INTERNAL_ERROR = -32_603;
/** Of the range that JSON-RPC leaves to servers; the SDKs use it for what a transport refuses. */
export const SERVER_ERROR = -32_000;

/**
 * One message of JSON-RPC 2.0.
 *
 * The text that it came as goes on unchanged: parsing and writing it again would lose what
 * JavaScript cannot hold, such as integers beyond 2⁵³.
 */
export class Message {
  readonly kind: MessageKind;
  readonly body: JsonObject;
  #text: string | undefined;

  private constructor(kind: MessageKind, body: JsonObject, text: string | undefined) {
    this.kind = kind;
    this.body = body;
    this.#text = text;
  }

  /** @throws Error saying what is wrong, for what is no message */
  static of(body: unknown, text?: string): Message {
    if (!isObject(body) || body['jsonrpc'] !== '2.0') throw new Error('not JSON-RPC 2.0');
    const { id, method } = body;
    const hasId = typeof id === 'string' || Number.isInteger(id);
    if (typeof method === 'string') {
      if (!hasId && id !== undefined) throw new Error('the id is neither a string nor an integer');
      return new Message(hasId ? 'request' : 'notification', body, text);
    }
    if (!isObject(body['result']) && !isObject(body['error'])) {
      throw new Error('neither a request nor a response');
    }
    return new Message('response', body, text);
  }

  /** @throws Error saying what is wrong, for what is no message */
  static parse(text: string): Message {
    // A message is one line wherever it goes on; between tokens of JSON a line break means nothing.
    return Message.of(JSON.parse(text), /[\r\n]/.test(text) ? undefined : text);
  }

  static request(id: RequestId, method: string, params?: JsonObject): Message {
    return Message.of({ jsonrpc: '2.0', id, method, ...(params && { params }) });
  }

  static notification(method: string, params?: JsonObject): Message {
    return Message.of({ jsonrpc: '2.0', method, ...(params && { params }) });
  }

  static response(id: RequestId, answer: Answer): Message {
    return Message.of({ jsonrpc: '2.0', id, ...answer });
  }

  /** As `response`. @throws RangeError for what is too deep to be written */
  static written(id: RequestId, answer: Answer): Message {
    const message = Message.response(id, answer);
    message.#text = JSON.stringify(message.body);
    return message;
  }

  /** A response whose result is JSON already. */
  static ready(id: RequestId, result: string): Message {
    const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
    // Nobody looks into what the proxy itself has answered.
    return new Message('response', { jsonrpc: '2.0', id, result: {} }, text);
  }

  get id(): RequestId | undefined {
    return this.body['id'] as RequestId | undefined;
  }

  get method(): string {
    return this.body['method'] as string;
  }

  /** `{}` where there are none. */
  get params(): JsonObject {
    const { params } = this.body;
    return isObject(params) ? params : {};
  }

  get meta(): JsonObject {
    const { _meta: meta } = this.params;
    return isObject(meta) ? meta : {};
  }

  /** `undefined` for an error. */
  get result(): JsonObject | undefined {
    const { result } = this.body;
    return isObject(result) ? result : undefined;
  }

  /** One line, without its end. */
  get text(): string {
    this.#text ??= JSON.stringify(this.body);
    return this.#text;
  }

  /** The same message under another id. */
  withId(id: RequestId): Message {
    return new Message(this.kind, { ...this.body, id }, undefined);
  }
}

/** @returns the messages of one line or body: several for a batch, which 2025-03-26 knows. */
export function parseMessages(text: string): readonly Message[] {
  if (!text.trimStart().startsWith('[')) return [Message.parse(text)];
  const bodies = JSON.parse(text) as unknown[];
  if (bodies.length === 0) throw new Error('an empty batch');
  return bodies.map((body) => Message.of(body));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function errorAnswer(code: number, message: string, data?: JsonObject): Answer {
  return { error: { code, message, ...(data && { data }) } };
}

/** @returns what a response answers */
export function answerOf({ body }: Message): Answer {
  const { result, error } = body;
  return isObject(result) ? { result } : { error: error as RpcError };
}

/** @returns why a request was withdrawn, as far as its client says */
export function reasonOf({ params }: Message): string {
  const { reason } = params;
  return typeof reason === 'string' ? reason : 'cancelled';
}
