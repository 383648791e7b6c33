import { describe, expect, it } from 'vitest';

import { until } from '../support/granary-command.ts';
import { connectModern, connectOlder, DOCUMENTS, newClient } from '../support/proxied-client.ts';

interface Read {
  readonly times: number;
  readonly ttlMs: unknown;
  readonly cacheScope: unknown;
}

type Connection = Awaited<ReturnType<typeof connectModern>>;

/** Past the cache that the client itself has. */
async function readBy({ client }: Connection, uri: string): Promise<Read> {
  const result = await client.readResource({ uri }, { cacheMode: 'refresh' });
  const [part] = result.contents as readonly { text?: string }[];
  const { times } = JSON.parse(part?.text ?? '{}') as { times: number };
  const { ttlMs, cacheScope } = result as unknown as Record<string, unknown>;
  return { times, ttlMs, cacheScope };
}

describe('granary proxy in front of a server of SDK 2', { timeout: 60_000 }, () => {
  it('leaves the revision to the peers, and tells what remains of the freshness [PROXY-HINTS]', async () => {
    const connection = await connectModern('--', ...DOCUMENTS);
    expect(connection.client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const first = await readBy(connection, 'docs://7');
    expect(first).toMatchObject({ times: 1, cacheScope: 'private' });
    expect(first.ttlMs).toBeGreaterThan(25_000);
    let second = first;
    while (second.ttlMs === first.ttlMs) second = await readBy(connection, 'docs://7');
    expect(second.times).toBe(1);
    expect(second.ttlMs).toBeLessThan(first.ttlMs as number);
  });

  it('bounds its time to live by what the server says, and the other way round [PROXY-HINTS]', async () => {
    const connection = await connectModern('--ttl', '20000', '--', ...DOCUMENTS);
    expect((await readBy(connection, 'docs://minute')).ttlMs).toBeLessThanOrEqual(20_000);
    expect(await readBy(connection, 'docs://minute')).toMatchObject({ times: 1 });
    expect(await readBy(connection, 'docs://brief')).toMatchObject({ times: 1, ttlMs: 0 });
    expect(await readBy(connection, 'docs://brief')).toMatchObject({ times: 2, ttlMs: 0 });
  });

  it('keeps nothing that the operator forbids [PROXY-RULES]', async () => {
    const connection = await connectModern('--no-cache', 'docs://{id}', '--', ...DOCUMENTS);
    expect(await readBy(connection, 'docs://7')).toMatchObject({ times: 1 });
    // What the server says of it is as true as before.
    expect(await readBy(connection, 'docs://7')).toMatchObject({ times: 2, ttlMs: 30_000 });
  });

  it('drops what the server says has changed, then tells the client [PROXY-EVICT]', async () => {
    const connection = await connectModern('--', ...DOCUMENTS);
    const { client } = connection;
    const seen: Promise<Read>[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      seen.push(readBy(connection, params.uri));
    });
    await client.listen({ resourceSubscriptions: ['docs://7'] });
    expect(await readBy(connection, 'docs://7')).toMatchObject({ times: 1 });
    await client.callTool({ name: 'touch', arguments: { uri: 'docs://7' } });
    expect(await until('the notification', () => seen[0])).toMatchObject({ times: 2 });
  });

  it('serves a client on an older revision, without hints [PROXY-HINTS]', async () => {
    const { client } = await connectOlder(newClient(), '--', ...DOCUMENTS);
    const [first, second] = [
      await client.readResource({ uri: 'docs://7' }),
      await client.readResource({ uri: 'docs://7' }),
    ];
    expect(second).toEqual(first);
    expect(Object.keys(second)).toEqual(['contents']);
  });
});
