import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect, it } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import { connectOlder, EVERYTHING, FILESYSTEM, newClient } from '../support/proxied-client.ts';

const { folder } = commandFixture();

function textOf(result: unknown): string {
  return JSON.stringify((result as { content?: unknown }).content);
}

/** Its dynamic resources say when they were made, to the second. */
async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1_000);
  await until('another second', () => Math.floor(Date.now() / 1_000) > second || undefined);
}

describe('granary proxy in front of server-everything', { timeout: 60_000 }, () => {
  it('passes all that it offers, in both directions [PROXY-PASS]', async () => {
    const client = new Client(
      { name: 'reader', version: '1.0.0' },
      { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
    );
    const logs: unknown[] = [];
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
      model: 'test-model',
      role: 'assistant',
      content: { type: 'text', text: `sampled: ${JSON.stringify(params.messages.length)}` },
    }));
    client.setRequestHandler(ElicitRequestSchema, () => ({
      action: 'accept',
      content: { name: 'Ada Lovelace', check: true },
    }));
    client.setRequestHandler(ListRootsRequestSchema, () => ({
      roots: [{ uri: 'file:///somewhere/of/mine', name: 'mine' }],
    }));
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      logs.push(params);
    });
    await connectOlder(client, '--', ...EVERYTHING);
    expect(client.getServerVersion()?.name).toBe('mcp-servers/everything');
    expect(Object.keys(client.getServerCapabilities() ?? {})).toEqual(
      expect.arrayContaining(['tools', 'prompts', 'resources', 'logging', 'completions', 'tasks']),
    );
    const { tools } = await client.listTools();
    expect(tools.length).toBeGreaterThan(10);
    const call = (name: string, given: Record<string, unknown> = {}, options = {}) =>
      client.callTool({ name, arguments: given }, undefined, options);
    expect(textOf(await call('echo', { message: 'through' }))).toContain('Echo: through');
    expect(textOf(await call('trigger-sampling-request', { prompt: 'p', maxTokens: 9 }))).toContain(
      'sampled: 1',
    );
    expect(textOf(await call('trigger-elicitation-request'))).toContain('Ada Lovelace');
    expect(textOf(await call('get-roots-list'))).toContain('file:///somewhere/of/mine');
    const progress: number[] = [];
    await call(
      'trigger-long-running-operation',
      { duration: 0.3, steps: 3 },
      { onprogress: ({ progress: at }: { progress: number }) => progress.push(at) },
    );
    // The client drops the last one where it comes together with the result.
    expect([1, 2, 3].slice(0, progress.length)).toEqual(progress);
    expect(progress.length).toBeGreaterThanOrEqual(2);
    await client.setLoggingLevel('debug');
    await call('toggle-simulated-logging');
    await until('a log message', () => logs[0]);
    const { prompts } = await client.listPrompts();
    expect(prompts.length).toBeGreaterThan(1);
    const prompt = await client.getPrompt({ name: 'simple-prompt' });
    expect(prompt.messages.length).toBeGreaterThan(0);
    const completion = await client.complete({
      ref: { type: 'ref/prompt', name: 'completable-prompt' },
      argument: { name: 'department', value: 'E' },
    });
    expect(completion.completion.values).toEqual(['Engineering']);
    // As this server answers it on this revision.
    await expect(client.readResource({ uri: 'demo://nothing' })).rejects.toMatchObject({
      code: -32_602,
    });
  });

  it('passes a cancellation [PROXY-PASS]', async () => {
    const { client } = await connectOlder(newClient(), '--', ...EVERYTHING);
    const leaving = new AbortController();
    const call = client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 60 } },
      undefined,
      { signal: leaving.signal, onprogress: () => leaving.abort('enough') },
    );
    await expect(call).rejects.toThrow('enough');
    // Were the proxy still waiting for the call, it would not end with its input.
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'on' } }))).toContain(
      'Echo: on',
    );
  });

  it('answers reads and lists from its cache, with no foreign field [PROXY-CACHE]', async () => {
    const { client } = await connectOlder(newClient(), '--', ...EVERYTHING);
    // Says when it was made, to the second, and the server makes it anew each time.
    const uri = 'demo://resource/dynamic/text/1';
    const first = await client.readResource({ uri });
    await nextSecond();
    expect(await client.readResource({ uri })).toEqual(first);
    expect(Object.keys(first)).toEqual(['contents']);
    const [list, again] = [await client.listResources(), await client.listResources()];
    expect(again).toEqual(list);
    expect(Object.keys(again)).toEqual(['resources']);
  });

  it('passes what the server says of a subscribed resource, and drops it [PROXY-EVICT]', async () => {
    const client = newClient();
    const updates: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updates.push(params.uri);
    });
    await connectOlder(client, '--ttl', '0', '--', ...EVERYTHING);
    const uri = 'demo://resource/dynamic/text/1';
    const first = await client.readResource({ uri });
    await client.subscribeResource({ uri });
    await client.callTool({ name: 'toggle-subscriber-updates', arguments: {} });
    await until('an update', () => updates[0], 20_000);
    expect(updates[0]).toBe(uri);
    await nextSecond();
    expect(await client.readResource({ uri })).not.toEqual(first);
  });
});

describe('granary proxy in front of server-filesystem', { timeout: 60_000 }, () => {
  it('passes its tools, and caches those that the operator names [PROXY-TOOLS]', async () => {
    const dir = folder({ 'a.txt': 'one' });
    const args = ['--cache-tool', 'read_text_file', '--', ...FILESYSTEM, dir];
    const { client } = await connectOlder(newClient(), ...args);
    const read = (name: string) =>
      client.callTool({ name: 'read_text_file', arguments: { path: `${dir}/${name}` } });
    const list = () => client.callTool({ name: 'list_directory', arguments: { path: dir } });
    expect(textOf(await read('a.txt'))).toContain('one');
    const write = { name: 'write_file', arguments: { path: `${dir}/a.txt`, content: 'two' } };
    expect((await client.callTool(write)).isError ?? false).toBe(false);
    expect(textOf(await read('a.txt'))).toContain('one');
    // What is an error is not kept, nor is any other tool.
    expect(await read('b.txt')).toMatchObject({ isError: true });
    const other = { name: 'write_file', arguments: { path: `${dir}/b.txt`, content: 'b' } };
    expect(textOf(await list())).not.toContain('b.txt');
    await client.callTool(other);
    expect(textOf(await list())).toContain('b.txt');
    expect(textOf(await read('b.txt'))).toContain('"b"');
  });
});
