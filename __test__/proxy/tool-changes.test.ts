import { describe, expect, it } from 'vitest';

import { AnswerStore, type Asking } from '../../src/proxy/answer-store.ts';
import { cacheableRequest } from '../../src/proxy/cacheable-request.ts';
import { CachingRules } from '../../src/proxy/caching-rules.ts';
import { Message, type Answer, type JsonObject } from '../../src/proxy/message.ts';
import { ToolChanges, type ToolTargets } from '../../src/proxy/tool-changes.ts';
import { UpstreamError } from '../../src/proxy/upstream-error.ts';
import { deferred } from '../support/deferred.ts';

/** Answers of an upstream that count how often each was asked for. */
class Origin implements Disposable {
  readonly store = new AnswerStore({
    ...{ rules: new CachingRules(60_000, []), maxEntries: 1_000, maxBytes: 1_000_000 },
    failSafeMs: 60_000,
  });
  readonly asked: string[] = [];

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
  }

  async ask(method: string, params: JsonObject = {}, ask?: () => Promise<Answer>): Promise<void> {
    const request = cacheableRequest(Message.request(1, method, params), '2025-11-25', new Set());
    const uri = typeof params['uri'] === 'string' ? params['uri'] : method;
    await this.store.answer(
      request!,
      this.#asking(() => {
        this.asked.push(uri);
        return ask?.() ?? Promise.resolve(answerTo(method, uri));
      }),
    );
  }

  /** Whether there is something for when the upstream is away. */
  async isKeptBehind(uri: string): Promise<boolean> {
    const request = cacheableRequest(
      Message.request(1, 'resources/read', { uri }),
      '2025-11-25',
      new Set(),
    );
    const away = () => Promise.reject(new UpstreamError('away'));
    return 'text' in (await this.store.answer(request!, this.#asking(away, false)));
  }

  #asking(ask: Asking['ask'], isUp = true): Asking {
    const { signal } = new AbortController();
    return { partition: 'one', connection: 'one', signal, isUpstreamUp: () => isUp, ask };
  }
}

function answerTo(method: string, uri: string): Answer {
  // A folder brings the files in it under their own URIs.
  const uris = uri === 'a://folder' ? ['a://x/1', 'a://x/2'] : [uri];
  const items = method === 'resources/list' ? 'resources' : 'contents';
  return { result: { [items]: uris.map((one) => ({ uri: one, name: one, text: one })) } };
}

const URIS = ['a://x/1', 'a://x/2', 'a://y%20z/1', 'b://x/1', 'a://folder'];

async function droppedBy(targets: readonly string[], args: JsonObject = {}): Promise<string[]> {
  using origin = new Origin();
  const changes = new ToolChanges(origin.store, { write: targets });
  const askAll = async (): Promise<void> => {
    for (const uri of URIS) await origin.ask('resources/read', { uri });
    await origin.ask('resources/list');
  };
  await askAll();
  origin.asked.length = 0;
  changes.succeeded({ tool: 'write', args });
  for (const uri of URIS) {
    // What was dropped is not served by the fail-safe either.
    if (!origin.store.cache.has([...origin.store.cache.keys()].find(isOf(uri)) ?? 'none')) {
      expect(await origin.isKeptBehind(uri)).toBe(false);
    }
  }
  await askAll();
  return origin.asked;
}

function isOf(uri: string): (key: string) => boolean {
  return (key) => key.endsWith(`,"${uri}"]`);
}

describe('what tools change', () => {
  it.each([
    [['a://x/1'], {}, ['a://x/1', 'a://folder']],
    [['a://x/*'], {}, ['a://x/1', 'a://x/2', 'a://folder']],
    [['a://{host}/{n}'], { n: 2 }, ['a://x/2', 'a://folder']],
    [['a://{host}/{n}'], { host: 'y z' }, ['a://y%20z/1']],
    [['a://{host}/{n}'], {}, ['a://x/1', 'a://x/2', 'a://y%20z/1', 'a://folder']],
    [['resources/list'], {}, ['resources/list']],
    [['b://*', 'resources/list'], {}, ['b://x/1', 'resources/list']],
    [['c://*', 'tools/list'], {}, []],
  ])('is dropped, and nothing else: %j of %j [PROXY-MUTATES]', async (targets, args, dropped) => {
    expect(await droppedBy(targets, args)).toEqual(dropped);
  });

  it('is not kept where it was being read meanwhile [PROXY-MUTATES]', async () => {
    using origin = new Origin();
    const changes = new ToolChanges(origin.store, { write: ['a://{host}/1'] });
    const first = deferred<Answer>();
    const reading = origin.ask('resources/read', { uri: 'a://x/1' }, () => first.promise);
    changes.succeeded({ tool: 'write', args: {} });
    first.resolve(answerTo('resources/read', 'a://x/1'));
    await reading;
    expect(await origin.isKeptBehind('a://x/1')).toBe(false);
    await origin.ask('resources/read', { uri: 'a://x/1' });
    expect(origin.asked).toHaveLength(2);
  });

  it.each([
    [{ write: [] }, 'mutates.write must be an array'],
    [{ write: 'a://x' }, 'mutates.write must be an array'],
    [{ write: [''] }, 'mutates.write must be an array'],
    [{ write: ['a://{b'] }, 'the URI template "a://{b" is not valid at position'],
  ])('must be URIs, patterns or methods: %j [PROXY-MUTATES]', (targets, message) => {
    using origin = new Origin();
    expect(() => new ToolChanges(origin.store, targets as unknown as ToolTargets)).toThrow(message);
  });
});

describe('tasks that change something', () => {
  using origin = new Origin();
  const { calls } = new ToolChanges(origin.store, { write: ['a://*'] });
  const call = { tool: 'write', args: { id: 1 } };
  const begin = (created: JsonObject) =>
    calls.answered(
      calls.pendingOf('tools/call', { name: 'write', arguments: call.args })!,
      created,
    );

  it('have done so when they are told to be complete, once [PROXY-MUTATES]', () => {
    expect(begin({ task: { taskId: 't', status: 'working' } })).toBeUndefined();
    const get = calls.pendingOf('tasks/get', { taskId: 't' })!;
    expect(calls.answered(get, { taskId: 't', status: 'working' })).toBeUndefined();
    expect(calls.answered(get, { taskId: 't', status: 'completed' })).toEqual(call);
    expect(calls.told('notifications/tasks/status', { taskId: 't', status: 'completed' })).toBe(
      undefined,
    );
  });

  it('of the extension of 2026-07-28 say in one what they have returned [PROXY-MUTATES]', () => {
    const created = { resultType: 'task', taskId: 'e', status: 'working' };
    const told = { taskId: 'e', status: 'completed', result: { isError: true } };
    expect(begin(created)).toBeUndefined();
    expect(calls.told('notifications/tasks', told)).toBeUndefined();
    expect(begin(created)).toBeUndefined();
    const completed = { ...told, result: { content: [] } };
    expect(calls.told('notifications/tasks', completed)).toEqual(call);
  });
});
