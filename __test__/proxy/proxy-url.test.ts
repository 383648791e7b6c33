import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import {
  connectModern,
  connectModernHttp,
  connectOlder,
  connectOlderHttp,
  newClient,
} from '../support/proxied-client.ts';
import { serveDocuments, serveEverything } from '../support/served-upstream.ts';

const { run } = commandFixture();

function saidBy({ contents }: { contents: readonly unknown[] }): Record<string, unknown> {
  return JSON.parse((contents[0] as { text: string }).text) as Record<string, unknown>;
}

async function tokensBy(client: {
  callTool(params: { name: string }): Promise<object>;
}): Promise<unknown[]> {
  const { content } = (await client.callTool({ name: 'tokens' })) as {
    content: { text: string }[];
  };
  return JSON.parse(content[0]?.text ?? '[]') as unknown[];
}

describe('granary proxy --url', { timeout: 60_000 }, () => {
  it('serves a server of SDK 2 on both revisions [PROXY-URL]', async () => {
    const { url } = await serveDocuments();
    const { client } = await connectModern('--url', url);
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const first = await client.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    expect(first).toMatchObject({ cacheScope: 'private' });
    const second = await client.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    expect(saidBy(second)).toEqual(saidBy(first));
    const updates: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      updates.push(params.uri);
    });
    await client.listen({ resourceSubscriptions: ['docs://7'] });
    await client.callTool({ name: 'touch', arguments: { uri: 'docs://7' } });
    await until('the update', () => updates[0]);
    const third = await client.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    expect(saidBy(third)['times']).toBe(2);
    const { client: older } = await connectOlder(newClient(), '--url', url);
    expect(saidBy(await older.readResource({ uri: 'docs://8' }))['times']).toBe(1);
    expect(saidBy(await older.readResource({ uri: 'docs://8' }))['times']).toBe(1);
  });

  it('serves server-everything, with its sessions and streams [PROXY-URL]', async () => {
    const { url } = await serveEverything();
    const { client } = await connectOlder(newClient(), '--url', url);
    expect((await client.listTools()).tools.length).toBeGreaterThan(10);
    const progress: number[] = [];
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      undefined,
      { onprogress: ({ progress: at }) => progress.push(at) },
    );
    expect(progress.length).toBeGreaterThanOrEqual(2);
    const uri = 'demo://resource/dynamic/text/1';
    expect(await client.readResource({ uri })).toEqual(await client.readResource({ uri }));
  });

  it('comes back when the server does, with a session of its own [PROXY-URL]', async () => {
    const first = await serveEverything();
    const { client, log } = await connectOlder(newClient(), '--url', first.url);
    await client.listTools();
    first.child.kill('SIGKILL');
    await until('its end', () => log.text.includes('is away') || undefined);
    const list = client.listPrompts();
    await serveEverything(first.port);
    expect((await list).prompts.length).toBeGreaterThan(1);
    expect(log.text).toContain('a session was restored');
  });

  it('sends tokens of clients on only where it is told to [PROXY-TOKENS] [PROXY-PRIVATE]', async () => {
    const { url } = await serveDocuments();
    for (const isForwarded of [false, true]) {
      const flags = isForwarded ? ['--forward-authorization'] : ['--header', 'X-Of: operator'];
      const command = run('proxy', '--http', '0', '--url', url, ...flags);
      const [, front = ''] = await command.logged(/url="([^"]+)"/);
      for (const connect of [connectModernHttp, connectOlderHttp]) {
        const uri = `docs://${connect.name}-${isForwarded}`;
        const [ada, bob] = [await connect(front, 'ada'), await connect(front, 'bob')];
        const token = (name: string) => (isForwarded ? `Bearer ${name}` : undefined);
        expect(saidBy(await ada.readResource({ uri }))['authorization']).toBe(token('ada'));
        expect(saidBy(await bob.readResource({ uri }))['authorization']).toBe(token('bob'));
      }
      const seen = await tokensBy(await connectModernHttp(front));
      expect(seen.includes('Bearer ada')).toBe(isForwarded);
      expect(command.stderr).not.toContain('Bearer');
    }
  });
});
