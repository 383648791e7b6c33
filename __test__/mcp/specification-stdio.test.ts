import { describe, expect, it } from 'vitest';

import { commandFixture } from '../support/granary-command.ts';
import { DOCUMENTS } from '../support/proxied-client.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';
import { post, specifiedServer } from '../support/specified-servers.ts';
import { META, PREFIX } from '../support/stateless-requests.ts';

const { run } = commandFixture();

describe('what both revisions say that servers MUST over stdio (granary proxy)', () => {
  const url = specifiedServer('a cached server of version 2');

  it('write no request to stdout since 2026-07-28 (transports/stdio, Receiving Messages) [SPEC-MUSTS]', async () => {
    const proxy = run('proxy', '--url', url().href);
    const capabilities = { [`${PREFIX}/clientCapabilities`]: { elicitation: { form: {} } } };
    const { result } = await proxy.request('asked', 'tools/call', {
      name: 'test_input_required_result_elicitation',
      arguments: {},
      _meta: { ...META, ...capabilities },
    });
    expect(result).toMatchObject({ resultType: 'input_required' });
    const requests = proxy.messages().filter((message) => 'id' in message && 'method' in message);
    expect(requests).toEqual([]);
  });

  it('write each message to stdout as one line, whatever it says (transports, stdio) [SPEC-MUSTS]', async () => {
    const proxy = run('proxy', '--url', url().href);
    const id = 'one\nline\r\nor two';
    const params = { uri: 'test://missing\nline', _meta: META };
    expect(await proxy.request(id, 'resources/read', params)).toMatchObject({ id });
    const lines = proxy.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ jsonrpc: '2.0', id });
  });

  it('write each message to an upstream as one line, whatever it came as (transports, stdio) [SPEC-MUSTS]', async () => {
    const proxy = run('proxy', '--http', '0', '--', ...DOCUMENTS);
    const [, front = ''] = await proxy.logged(/url="([^"]+)"/);
    const opening = await post(new URL(front), initializeBody(), POST_HEADERS);
    const headers = { 'mcp-session-id': opening.headers.get('mcp-session-id') ?? '' };
    const request = {
      jsonrpc: '2.0',
      id: 'lines',
      method: 'resources/read',
      params: { uri: 'docs://1' },
    };
    const pretty = JSON.stringify(request, undefined, '\r\n\t');
    expect(pretty.split('\n').length).toBeGreaterThan(5);
    const { response } = await post(new URL(front), pretty, headers);
    expect(response).toMatchObject({ id: 'lines', result: { contents: [{ uri: 'docs://1' }] } });
  });
});
