import { isObject, type JsonObject, type Message, type RequestId } from './message.ts';

/** What changes together, and is told of together. */
export const LISTS = ['resources', 'tools', 'prompts'] as const;

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
  /** Requests of `subscriptions/listen` that are open, since 2026-07-28. */
  readonly listens = new Map<RequestId, Message>();

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
