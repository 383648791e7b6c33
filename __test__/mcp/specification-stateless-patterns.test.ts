import { describe, expect, it } from 'vitest';

import {
  SPECIFIED_STATELESS,
  type SpecifiedMessage,
  specifiedServer,
} from '../support/specified-servers.ts';
import { ask, listen, META, PREFIX } from '../support/stateless-requests.ts';

const TEXT = 'test://static-text';
const ALL_INPUT = { elicitation: { form: {} }, sampling: {}, roots: {} };

/** What a tool answers that wants input of one kind. */
async function asking(url: URL, kind: string): Promise<SpecifiedMessage[]> {
  const meta = { ...META, [`${PREFIX}/clientCapabilities`]: ALL_INPUT };
  const name = `test_input_required_result_${kind}`;
  return (await ask(url, 'tools/call', { name, arguments: {} }, { meta })).messages;
}

const KINDS = ['elicitation', 'sampling', 'list_roots'];

describe.each(SPECIFIED_STATELESS)('of revision 2026-07-28, what patterns MUST (%s):', (server) => {
  const started = specifiedServer(server);

  it('servers ask nothing by requests of their own, on no stream (patterns; streamable-http, Receiving Messages) [SPEC-MUSTS]', async () => {
    for (const kind of KINDS) {
      for (const message of await asking(started(), kind)) {
        const isRequest = message.id !== undefined && message.method !== undefined;
        expect(isRequest, JSON.stringify(message)).toBe(false);
      }
    }
  });

  it('what is asked of a client goes into a result (patterns/mrtr) [SPEC-MUSTS]', async () => {
    for (const kind of KINDS) {
      const { result } = (await asking(started(), kind)).at(-1) ?? {};
      expect(result, kind).toMatchObject({ resultType: 'input_required' });
    }
  });

  it('what is asked is one of three kinds (patterns/mrtr, Server Requirements) [SPEC-MUSTS]', async () => {
    const methods = new Set<string>();
    for (const kind of KINDS) {
      const { result } = (await asking(started(), kind)).at(-1) ?? {};
      const requests = (result?.['inputRequests'] ?? {}) as Record<string, { method: string }>;
      for (const { method } of Object.values(requests)) methods.add(method);
    }
    expect([...methods].toSorted()).toEqual([
      'elicitation/create',
      'roots/list',
      'sampling/createMessage',
    ]);
  });

  it('a result that wants input has requests or a state (patterns/mrtr, Server Requirements) [SPEC-MUSTS]', async () => {
    for (const kind of KINDS) {
      const { inputRequests = {}, requestState } =
        (await asking(started(), kind)).at(-1)?.result ?? {};
      const hasRequests = Object.keys(inputRequests as object).length > 0;
      expect(hasRequests || requestState !== undefined, kind).toBe(true);
    }
  });

  it('nothing is sent that was not asked for (patterns/subscriptions, Opening a Stream) [SPEC-MUSTS]', async () => {
    const url = started();
    const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
      await ask(url, 'tools/call', { name: 'test_trigger_prompt_change', arguments: {} });
      await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
    });
    expect(messages[1]?.method).toBe('notifications/tools/list_changed');
  });

  it('the acknowledgment with its id comes first (patterns/subscriptions, Acknowledgment) [SPEC-MUSTS]', async () => {
    const [first] = await listen(started(), { resourceSubscriptions: [TEXT] }, 1);
    expect(first).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { _meta: { [`${PREFIX}/subscriptionId`]: 'asked' } },
    });
  });

  it('nothing is told before the acknowledgment (patterns/subscriptions, Acknowledgment) [SPEC-MUSTS]', async () => {
    const url = started();
    // Changes while the stream is opened: what is told of them comes second, if at all.
    const change = () =>
      ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
    const [messages] = await Promise.all([
      listen(url, { toolsListChanged: true }, 2, async () => void (await change())),
      change(),
      change(),
    ]);
    const [first, ...rest] = messages.map(({ method }) => method);
    expect(first).toBe('notifications/subscriptions/acknowledged');
    expect(new Set(rest)).toEqual(new Set(['notifications/tools/list_changed']));
  });
});
