import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';

import { commandFixture, GRANARY, until } from '../support/granary-command.ts';

const { folder, run } = commandFixture();
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** The SDK's own client over a child process, and what it was told unasked. */
async function connect(...args: string[]) {
  const client = new Client({ name: 'test', version: '1' });
  clients.push(client);
  const updated: string[] = [];
  let listChanges = 0;
  let log = '';
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.push(params.uri);
  });
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
    listChanges++;
  });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [GRANARY, 'serve', ...args],
    stderr: 'pipe',
  });
  transport.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await client.connect(transport);
  return {
    client,
    updated,
    listChanges: () => listChanges,
    watching: () => until('the watch', () => (log.includes('is watched') ? true : undefined)),
  };
}

const uriOf = (...names: string[]) => pathToFileURL(path.join(...names)).href;

async function textOf(client: Client, uri: string): Promise<unknown> {
  const { contents } = await client.readResource({ uri });
  const [part] = contents;
  return part && 'text' in part ? part.text : undefined;
}

async function failureOf(client: Client, uri: string) {
  return client.readResource({ uri }).then(
    () => expect.fail(`${uri} was served`),
    ({ code, message, data }: { code: number; message: string; data: unknown }) => ({
      code,
      message: message.replaceAll(uri, 'URI'),
      data: JSON.parse(JSON.stringify(data).replaceAll(JSON.stringify(uri).slice(1, -1), 'URI')),
    }),
  );
}

describe('granary serve over stdio', () => {
  it('lists and reads the files of a folder [SERVE-STDIO] [SERVE-MIME]', async () => {
    const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 1]);
    const dir = folder({
      'README.md': '# Hello',
      'src/a b#c?d%e.ts': 'export {};',
      'logo.png': png,
      '.hidden': 'h',
      LICENSE: 'MIT',
    });
    const { client } = await connect(dir);
    const { resources, nextCursor } = await client.listResources();
    expect(nextCursor).toBeUndefined();
    expect(resources.map(({ name, mimeType, size }) => [name, mimeType, size])).toEqual([
      ['.hidden', undefined, 1],
      ['LICENSE', undefined, 3],
      ['README.md', 'text/markdown', 7],
      ['logo.png', 'image/png', 6],
      ['src/a b#c?d%e.ts', 'text/x-typescript', 10],
    ]);
    for (const { uri, annotations } of resources) {
      expect(new URL(uri).href).toBe(uri);
      expect(Math.abs(Date.now() - Date.parse(annotations?.lastModified ?? ''))).toBeLessThan(6e5);
    }
    const contents = await Promise.all(resources.map(({ uri }) => client.readResource({ uri })));
    expect(contents.map((result) => result.contents)).toEqual([
      [{ uri: uriOf(dir, '.hidden'), mimeType: 'text/plain', text: 'h' }],
      [{ uri: uriOf(dir, 'LICENSE'), mimeType: 'text/plain', text: 'MIT' }],
      [{ uri: uriOf(dir, 'README.md'), mimeType: 'text/markdown', text: '# Hello' }],
      [
        {
          uri: uriOf(dir, 'logo.png'),
          mimeType: 'image/png',
          blob: Buffer.from(png).toString('base64'),
        },
      ],
      [
        {
          uri: uriOf(dir, 'src/a b#c?d%e.ts'),
          mimeType: 'text/x-typescript',
          text: 'export {};',
        },
      ],
    ]);
  });

  it('has a template, by which a file can be read before it is listed [SERVE-STDIO]', async () => {
    const dir = folder();
    const { client } = await connect(dir);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([
      { name: 'files', uriTemplate: `${pathToFileURL(dir).href}/{+path}` },
    ]);
    writeFileSync(path.join(dir, 'new.txt'), 'new');
    expect(await textOf(client, uriOf(dir, 'new.txt'))).toBe('new');
  });

  it('pages through hundreds of files, each once, while files come and go [SERVE-STDIO]', async () => {
    const names = Array.from({ length: 523 }, (_, index) => `sub${index % 7}/file-${index}.txt`);
    const dir = folder(Object.fromEntries(names.map((name) => [name, name])));
    const { client, listChanges } = await connect(dir, '--page-size', '50');
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await client.listResources(cursor === undefined ? {} : { cursor });
      seen.push(...page.resources.map(({ name }) => name));
      cursor = page.nextCursor;
      pages++;
      if (pages === 1) {
        unlinkSync(path.join(dir, page.resources[0]!.name));
        writeFileSync(path.join(dir, '0-before-all.txt'), '');
        await until('the news of both', () => (listChanges() > 0 ? true : undefined));
      }
    } while (cursor !== undefined);
    expect(pages).toBe(11);
    expect(seen.toSorted()).toEqual(names.toSorted());
    await expect(client.listResources({ cursor: 'made up' })).rejects.toMatchObject({
      code: -32602,
    });
  });

  it('tells subscribers of a change, and then reads the new content [SERVE-WATCH]', async () => {
    const dir = folder({ 'a.txt': 'one', 'b.txt': 'b' });
    const { client, updated, watching } = await connect(dir);
    const [a, b] = [uriOf(dir, 'a.txt'), uriOf(dir, 'b.txt')];
    await client.subscribeResource({ uri: a });
    expect(await textOf(client, a)).toBe('one');
    expect(await textOf(client, b)).toBe('b');
    await watching();
    for (const content of ['two', 'three']) {
      updated.length = 0;
      writeFileSync(path.join(dir, 'a.txt'), content);
      writeFileSync(path.join(dir, 'b.txt'), `b ${content}`);
      await until('the update', () => updated[0]);
      expect(await textOf(client, a)).toBe(content);
      expect(await textOf(client, b)).toBe(`b ${content}`);
    }
    expect(new Set(updated)).toEqual(new Set([a]));

    await client.unsubscribeResource({ uri: a });
    await client.subscribeResource({ uri: b });
    updated.length = 0;
    writeFileSync(path.join(dir, 'a.txt'), 'four');
    writeFileSync(path.join(dir, 'b.txt'), 'b four');
    await until('the update of b', () => updated[0]);
    expect(new Set(updated)).toEqual(new Set([b]));
    expect(await textOf(client, a)).toBe('four');
  });

  it('does not go to the disk for what has not changed [SERVE-WATCH]', async () => {
    const dir = folder({ 'a.txt': 'one' });
    const command = run('serve', dir, '--http', '0');
    const [, url] = await command.logged(/url="([^"]+)\/mcp"/);
    await command.logged(/is watched/);
    const { StreamableHTTPClientTransport } =
      await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const client = new Client({ name: 'test', version: '1' });
    clients.push(client);
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
    for (let read = 0; read < 10; read++) await textOf(client, uriOf(dir, 'a.txt'));
    const health = (await (await fetch(`${url}/healthz`)).json()) as { cache: object };
    expect(health.cache).toMatchObject({ loads: 1, hits: 9 });
  });

  it('serves the last of many quick writes, however they fall [SERVE-WATCH]', async () => {
    const dir = folder({ 'a.txt': '0' });
    const { client, watching } = await connect(dir);
    const uri = uriOf(dir, 'a.txt');
    await watching();
    for (let write = 1; write <= 60; write++) {
      writeFileSync(path.join(dir, 'a.txt'), String(write));
      // Reads in between, so that something old is there to be served.
      await textOf(client, uri);
      if (write % 10 === 0) await new Promise((resolve) => setTimeout(resolve, write));
    }
    const seen: unknown[] = [];
    await until('the last content', () => {
      void textOf(client, uri).then((text) => seen.push(text));
      return seen.at(-1) === '60' ? true : undefined;
    });
    expect(await textOf(client, uri)).toBe('60');
  });

  it('tells once that files have come or gone, and lists what there is [SERVE-WATCH]', async () => {
    const dir = folder({ 'a.txt': 'a' });
    const { client, listChanges, watching } = await connect(dir);
    await client.listResources();
    await watching();
    for (let index = 0; index < 50; index++) writeFileSync(path.join(dir, `n${index}`), '');
    await until('list_changed', () => (listChanges() > 0 ? true : undefined));
    let names: string[] = [];
    await until('51 files', () => {
      void client.listResources().then(({ resources }) => (names = resources.map((r) => r.name)));
      return names.length === 51 ? true : undefined;
    });
    expect(listChanges()).toBeLessThanOrEqual(3);
    unlinkSync(path.join(dir, 'a.txt'));
    const before = listChanges();
    await until('list_changed', () => (listChanges() > before ? true : undefined));
    const { resources } = await client.listResources();
    expect(resources.map(({ name }) => name)).not.toContain('a.txt');
    await expect(client.readResource({ uri: uriOf(dir, 'a.txt') })).rejects.toMatchObject({
      code: -32002,
    });
  });

  it('tells who asked through a link of a change behind it [SERVE-WATCH]', async () => {
    const dir = folder({ 'real/a.txt': 'one', 'other/a.txt': 'other' });
    symlinkSync('real/a.txt', path.join(dir, 'link.txt'));
    symlinkSync('real', path.join(dir, 'dir'));
    const { client, updated, watching } = await connect(dir);
    const [link, below] = [uriOf(dir, 'link.txt'), uriOf(dir, 'dir/a.txt')];
    await watching();
    expect(await textOf(client, link)).toBe('one');
    expect(await textOf(client, below)).toBe('one');
    await client.subscribeResource({ uri: link });
    writeFileSync(path.join(dir, 'real/a.txt'), 'two');
    await until('the update', () => updated[0]);
    expect(await textOf(client, link)).toBe('two');
    expect(await textOf(client, below)).toBe('two');
    await client.subscribeResource({ uri: below });
    updated.length = 0;
    unlinkSync(path.join(dir, 'dir'));
    symlinkSync('other', path.join(dir, 'dir'));
    await until('the update', () => (updated.includes(below) ? true : undefined));
    expect(await textOf(client, below)).toBe('other');
  });

  it('refuses what lies outside as it refuses what is missing [SERVE-ESCAPES] [SERVE-CONFINED]', async () => {
    const area = folder({
      'dir/a.txt': 'a',
      'dir-evil/secret.txt': 'secret',
      'secret.txt': 'secret',
    });
    const dir = path.join(area, 'dir');
    symlinkSync('../secret.txt', path.join(dir, 'out.txt'));
    symlinkSync('..', path.join(dir, 'up'));
    symlinkSync('/', path.join(dir, 'root'));
    symlinkSync('nowhere', path.join(dir, 'dangling'));
    const { client } = await connect(dir);
    const base = pathToFileURL(dir).href;
    const missing = await failureOf(client, `${base}/missing.txt`);
    expect(missing).toMatchObject({ code: -32002, data: { uri: 'URI' } });
    for (const uri of [
      `${base}/out.txt`,
      `${base}/up/secret.txt`,
      `${base}/up/dir/a.txt`,
      `${base}/root/etc/passwd`,
      `${base}/dangling`,
      `${base}-evil/secret.txt`,
      `${base}/../secret.txt`,
      `${base}/../dir/a.txt`,
      `${base}/%2e%2e/secret.txt`,
      `${base}/%2E%2E%2Fsecret.txt`,
      `${base}/..%2fsecret.txt`,
      `${base}/%252e%252e/secret.txt`,
      `${base}/..%5csecret.txt`,
      `${base}/..\\secret.txt`,
      `${base}/a.txt%00`,
      `${base}/a.txt\0`,
      `${base}/a.txt/`,
      `${base}//a.txt`,
      `${base}/./a.txt`,
      `${base}/A.TXT`,
      `${base}/%61.txt`,
      `${base}/a.txt?x`,
      `${base}/a.txt#x`,
      base,
      `${base}/`,
      'file:///etc/passwd',
      `FILE${base.slice(4)}/a.txt`,
      `file://localhost${base.slice(7)}/a.txt`,
      path.join(dir, 'a.txt'),
    ]) {
      expect(await failureOf(client, uri), uri).toEqual(missing);
    }
    const { resources } = await client.listResources();
    expect(resources.map(({ name }) => name)).toEqual(['a.txt']);
    expect(await textOf(client, `${base}/a.txt`)).toBe('a');
  });

  it('refuses what is no URI, or one of nobody here (server/resources, Security Considerations) [SPEC-MUSTS]', async () => {
    const { client } = await connect(folder({ 'a.txt': 'a' }));
    for (const uri of [
      '',
      'a.txt',
      '://',
      'file:',
      'http://127.0.0.1/a.txt',
      'javascript:alert(1)',
    ]) {
      await expect(client.readResource({ uri }), uri).rejects.toMatchObject({
        code: expect.any(Number) as number,
      });
    }
  });

  it('refuses files over --max-file and says why [SERVE-MAX-FILE]', async () => {
    const dir = folder({ 'small.txt': 'x'.repeat(100), 'large.txt': 'x'.repeat(101) });
    const { client } = await connect(dir, '--max-file', '100');
    expect(await textOf(client, uriOf(dir, 'small.txt'))).toHaveLength(100);
    const uri = uriOf(dir, 'large.txt');
    await expect(client.readResource({ uri })).rejects.toMatchObject({
      code: -32603,
      message: expect.stringMatching(/101 bytes.*more than 100 bytes are not served/) as string,
      data: { uri, sizeBytes: 101, maxFileBytes: 100, reason: 'ERR_GRANARY_LIMIT_EXCEEDED' },
    });
    writeFileSync(path.join(dir, 'large.txt'), 'now small');
    expect(await textOf(client, uri)).toBe('now small');
  });

  it('keeps to --max-entries and --ttl [SERVE-STDIO]', async () => {
    const dir = folder({ a: 'a', b: 'b', c: 'c' });
    const { client } = await connect(dir, '--max-entries', '1', '--ttl', '0');
    for (const name of ['a', 'b', 'c', 'a']) {
      expect(await textOf(client, uriOf(dir, name))).toBe(name);
    }
  });
});
