import { SUBSCRIPTION_KEY } from './era.ts';
import { Message, type JsonObject } from './message.ts';
import { LISTS, type SessionMemory } from './session-memory.ts';

/** What has changed. */
export interface Change {
  readonly isList: (group: (typeof LISTS)[number]) => boolean;
  readonly isUri: (uri: string) => boolean;
}

/** What nobody knows the extent of. */
export const EVERYTHING: Change = { isList: () => true, isUri: () => true };

/** @returns what a client is to be told of a change, by what it has subscribed to; as on its revision */
export function noticesOf(memory: SessionMemory, { isList, isUri }: Change): Message[] {
  const { subscriptions, listens } = memory;
  const notices: Message[] = [];
  const tell = (what: string, params?: JsonObject): void => {
    notices.push(Message.notification(`notifications/${what}`, params));
  };
  for (const group of LISTS) {
    if (isList(group) && memory.tellsOf(group)) tell(`${group}/list_changed`);
  }
  for (const uri of subscriptions.keys()) if (isUri(uri)) tell('resources/updated', { uri });
  for (const [id, { granted = {} }] of listens) {
    const meta = { _meta: { [SUBSCRIPTION_KEY]: id } };
    for (const group of LISTS) {
      const isGranted = granted[`${group}ListChanged`] === true;
      if (isGranted && isList(group)) tell(`${group}/list_changed`, meta);
    }
    const { resourceSubscriptions: uris } = granted;
    for (const uri of Array.isArray(uris) ? (uris as unknown[]) : []) {
      if (typeof uri === 'string' && isUri(uri)) tell('resources/updated', { uri, ...meta });
    }
  }
  return notices;
}
