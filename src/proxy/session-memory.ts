import { SUBSCRIPTION_KEY } from './era.ts';
import { isObject, type JsonObject, type Message, type RequestId } from './message.ts';

/** What changes together, and is told of together. */
export const LISTS = ['resources', 'tools', 'prompts'] as const;

/** A request of `subscriptions/listen` that is open, since 2026-07-28. */
interface Listen {
  readonly message: Message;
  /** What the server has said that it will tell; `undefined` before it has said anything. */
  granted: JsonObject | undefined;
}

/** What a client has told its server that a server which has begun anew must be told again. */
export class SessionMemory {
  /** Of revisions before 2026-07-28; answered. */
  initialize: Message | undefined;
  /** The revision that the server chose. */
  version: string | undefined;
  capabilities: JsonObject = {};
  logLevel: Message | undefined;
  /** By URI. */
  readonly subscriptions = new Map<string, Message>();
  readonly listens = new Map<RequestId, Listen>();

  /** A client has asked to be told of changes. */
  listen(message: Message): void {
    this.listens.set(message.id!, { message, granted: undefined });
  }

  /** @returns whether that was not known yet */
  acknowledge({ meta, params }: Message): boolean {
    const listen = this.listens.get(meta[SUBSCRIPTION_KEY] as RequestId);
    if (listen === undefined) return true;
    const isNew = listen.granted === undefined;
    listen.granted = isObject(params['notifications']) ? params['notifications'] : {};
    return isNew;
  }

  /** A request was answered with a result. */
  note(request: Message, result: JsonObject): void {
    const { method, params } = request;
    const { uri } = params;
    switch (method) {
      case 'initialize':
        this.initialize = request;
        this.version = String(result['protocolVersion']);
        this.capabilities = isObject(result['capabilities']) ? result['capabilities'] : {};
        break;
      case 'logging/setLevel':
        this.logLevel = request;
        break;
      case 'resources/subscribe':
        if (typeof uri === 'string') this.subscriptions.set(uri, request);
        break;
      case 'resources/unsubscribe':
        if (typeof uri === 'string') this.subscriptions.delete(uri);
        break;
      default:
    }
  }

  /** Whether a server says that it tells of changes to a list. */
  tellsOf(group: string): boolean {
    const capability = this.capabilities[group];
    return isObject(capability) && capability['listChanged'] === true;
  }
}
