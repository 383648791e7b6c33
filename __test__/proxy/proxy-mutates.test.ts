import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import {
  connectModern,
  connectModernHttp,
  connectOlder,
  connectOlderHttp,
  DOCUMENTS,
  EVERYTHING,
  FILESYSTEM,
  newClient,
} from '../support/proxied-client.ts';

const { folder, run } = commandFixture();

async function proxyOf(...args: readonly string[]): Promise<string> {
  const command = run('proxy', '--http', '0', ...args);
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  return url;
}

function textOf(result: unknown): string {
  const { content, contents } = result as { content?: unknown; contents?: unknown };
  return JSON.stringify(content ?? contents);
}

/** How often the server was asked for a document, by what it said. */
function timesOf({ contents }: { contents: readonly unknown[] }): number {
  return (JSON.parse((contents[0] as { text: string }).text) as { times: number }).times;
}

/** What an older client was told, in order. */
function followOlder(client: ReturnType<typeof newClient>): string[] {
  const told: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    told.push(params.uri);
  });
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
    told.push('the list');
  });
  return told;
}

describe('granary proxy --mutates', { timeout: 60_000 }, () => {
  it('drops what a call has changed, and tells before the call is answered [PROXY-MUTATES]', async () => {
    const client = newClient();
    const told = followOlder(client);
    const mutates = ['--mutates', 'echo=demo://resource/dynamic/text/{message}'];
    await connectOlder(client, ...mutates, '--', ...EVERYTHING);
    const uris = ['demo://resource/dynamic/text/1', 'demo://resource/dynamic/text/2'] as const;
    for (const uri of uris) await client.subscribeResource({ uri });
    const before = [await client.readResource({ uri: uris[0] })];
    before.push(await client.readResource({ uri: uris[1] }));
    // Its dynamic resources say when they were made, to the second.
    const second = Math.floor(Date.now() / 1_000);
    await until('another second', () => Math.floor(Date.now() / 1_000) > second || undefined);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: '1' } }))).toContain(
      'Echo: 1',
    );
    expect(told).toEqual([uris[0]]);
    expect(await client.readResource({ uri: uris[0] })).not.toEqual(before[0]);
    expect(await client.readResource({ uri: uris[1] })).toEqual(before[1]);
  });

  it('does so for every client, in both eras, and for nothing that failed [PROXY-MUTATES]', async () => {
    const mutates = ['--mutates', 'write=docs://{id}', '--mutates', 'write=resources/list'];
    mutates.push('--mutates', 'nothing=docs://*');
    const url = await proxyOf(...mutates, '--', ...DOCUMENTS);
    const [writer, older] = [await connectOlderHttp(url), await connectOlderHttp(url)];
    const modern = await connectModernHttp(url, 'a-token');
    const told = followOlder(older);
    const toldToModern: string[] = [];
    modern.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      toldToModern.push(params.uri);
    });
    modern.setNotificationHandler('notifications/resources/list_changed', () => {
      toldToModern.push('the list');
    });
    const [uri, other] = ['docs://7', 'docs://8'];
    for (const one of [uri, other]) await older.subscribeResource({ uri: one });
    const filter = { resourceSubscriptions: [uri, other], resourcesListChanged: true };
    await modern.listen(filter);
    const readAll = async (of: string): Promise<number[]> => [
      timesOf(await older.readResource({ uri: of })),
      timesOf(await modern.readResource({ uri: of }, { cacheMode: 'refresh' })),
    ];
    expect([await readAll(uri), await readAll(uri)]).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(await readAll(other)).toEqual([1, 1]);
    await writer.callTool({ name: 'write', arguments: { id: '7', fails: true } });
    await expect(writer.callTool({ name: 'nothing', arguments: {} })).rejects.toThrow('not found');
    expect(await readAll(uri)).toEqual([1, 1]);
    expect([told, toldToModern]).toEqual([[], []]);
    await writer.callTool({ name: 'write', arguments: { id: '7' } });
    expect(await readAll(uri)).toEqual([2, 2]);
    expect(await readAll(other)).toEqual([1, 1]);
    await until('what all are told', () => (told[1] && toldToModern[1] ? true : undefined));
    expect(new Set(told)).toEqual(new Set([uri, 'the list']));
    expect(new Set(toldToModern)).toEqual(new Set([uri, 'the list']));
    // A client of the newer era changes what the older ones have.
    await modern.callTool({ name: 'write', arguments: { id: '8' } });
    expect(await readAll(other)).toEqual([2, 2]);
    await until('the other', () => (told.includes(other) ? true : undefined));
  });

  it('is said in a config file too, over stdio, by prefix and exact URI [PROXY-MUTATES]', async () => {
    const config = { mutates: { write: ['docs://min*', 'docs://9', 'docs://never'] } };
    const dir = folder({ 'proxy.json': JSON.stringify(config) });
    const { client } = await connectModern('--config', `${dir}/proxy.json`, '--', ...DOCUMENTS);
    const read = async (uri: string): Promise<number> =>
      timesOf(await client.readResource({ uri }, { cacheMode: 'refresh' }));
    const uris = ['docs://minute', 'docs://9', 'docs://10'];
    for (const uri of uris) expect([await read(uri), await read(uri)]).toEqual([1, 1]);
    await client.callTool({ name: 'write', arguments: { id: 'any' } });
    expect([await read(uris[0]!), await read(uris[1]!), await read(uris[2]!)]).toEqual([2, 2, 1]);
  });

  it('has results of tools that are cached dropped by other tools [PROXY-MUTATES]', async () => {
    const dir = folder({ 'a.txt': 'one' });
    const cached = ['--cache-tool', 'read_text_file', '--mutates', 'write_file=tools/call'];
    const { client } = await connectOlder(newClient(), ...cached, '--', ...FILESYSTEM, dir);
    const path = `${dir}/a.txt`;
    const read = () => client.callTool({ name: 'read_text_file', arguments: { path } });
    const edit = { path, edits: [{ oldText: 'one', newText: 'two' }] };
    expect(textOf(await read())).toContain('one');
    await client.callTool({ name: 'edit_file', arguments: edit });
    expect(textOf(await read())).toContain('one');
    const write = { name: 'write_file', arguments: { path, content: 'three' } };
    expect((await client.callTool(write)).isError ?? false).toBe(false);
    expect(textOf(await read())).toContain('three');
  });
});
