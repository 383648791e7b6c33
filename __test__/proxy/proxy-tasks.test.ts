import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CallToolResultSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  ResultSchema,
  TaskStatusNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';

import { commandFixture, until, type RunningCommand } from '../support/granary-command.ts';
import { connectOlder, EVERYTHING } from '../support/proxied-client.ts';
import { serveEverything } from '../support/served-upstream.ts';

const { run } = commandFixture();
const running: RunningCommand[] = [];

// Its server waits for the times to live of tasks: only a proxy that ends by itself ends it, too.
afterEach(async () => {
  for (const command of running.splice(0)) {
    command.child.kill('SIGTERM');
    await command.end();
  }
});
const TOOL = 'simulate-research-query';
/** What a task of the tool is said to change, and what the tool would be kept for otherwise. */
const CHANGED = 'demo://resource/dynamic/text/1';

async function overStdio(client: Client, ...options: readonly string[]): Promise<void> {
  await connectOlder(client, ...options, '--', ...EVERYTHING);
}

async function ofUrl(client: Client, ...options: readonly string[]): Promise<void> {
  const { url } = await serveEverything();
  await connectOlder(client, ...options, '--url', url);
}

async function overHttp(client: Client, ...options: readonly string[]): Promise<void> {
  const command = run('proxy', '--http', '0', ...options, '--', ...EVERYTHING);
  running.push(command);
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  onTestFinished(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
}

function newClient(): Client {
  const client = new Client(
    { name: 'reader', version: '1.0.0' },
    { capabilities: { elicitation: {} } },
  );
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept',
    content: { interpretation: 'snake' },
  }));
  return client;
}

async function begin(client: Client, topic: string, ambiguous = false): Promise<string> {
  const params = { name: TOOL, arguments: { topic, ambiguous }, task: { ttl: 60_000 } };
  const created = await client.request({ method: 'tools/call', params }, CreateTaskResultSchema);
  expect(created.task.status).toBe('working');
  return created.task.taskId;
}

describe.each([
  ['over stdio', overStdio],
  ['over HTTP', overHttp],
  ['of a server over HTTP', ofUrl],
])('tasks behind granary proxy, %s', { timeout: 60_000 }, (_, connect) => {
  it('pass from their begin to their result, with what they ask [PROXY-TASKS]', async () => {
    const client = newClient();
    const statuses: { taskId: string; status: string }[] = [];
    client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => {
      statuses.push(params);
    });
    const options = ['--cache-tool', TOOL, '--ttl', '0'];
    await connect(client, ...options);
    const { tasks } = client.experimental;
    const [id, plain] = [await begin(client, 'python', true), await begin(client, 'rust')];
    // Neither a call that makes a task nor what is asked of one is kept: each is as it is now.
    expect(await begin(client, 'rust')).not.toBe(plain);
    const messages = new Set([(await tasks.getTask(id)).statusMessage]);
    // It says at each stage what it does.
    await expect
      .poll(async () => messages.add((await tasks.getTask(id)).statusMessage).size, {
        timeout: 10_000,
      })
      .toBeGreaterThan(1);
    const listed = (await tasks.listTasks()).tasks.map(({ taskId }) => taskId);
    expect(listed).toEqual(expect.arrayContaining([id, plain]));
    // Waits for the end; the server asks its client on the way.
    const result = await tasks.getTaskResult(id, CallToolResultSchema);
    expect(JSON.stringify(result.content)).toContain('python (snake)');
    const { _meta: meta } = result;
    expect(meta?.['io.modelcontextprotocol/related-task']).toEqual({ taskId: id });
    expect((await tasks.getTask(id)).status).toBe('completed');
    await until('its status', () =>
      statuses.find(({ taskId, status }) => taskId === id && status === 'completed'),
    );
    await expect(tasks.getTask('nothing')).rejects.toThrow(/task.*not found/i);
  });

  it('are begun by a result that names them, and nothing else yet (tasks, Result Retrieval) [SPEC-MUSTS]', async () => {
    const client = newClient();
    await connect(client);
    const params = { name: TOOL, arguments: { topic: 'rust' }, task: { ttl: 60_000 } };
    const created = await client.request({ method: 'tools/call', params }, ResultSchema);
    expect(created['task']).toMatchObject({ taskId: expect.any(String), status: 'working' });
    expect(created).not.toHaveProperty('content');
  });

  it('are named by what they ask (tasks, Associating Messages) [SPEC-MUSTS]', async () => {
    const client = newClient();
    const named: unknown[] = [];
    client.setRequestHandler(ElicitRequestSchema, ({ params: { _meta: meta } }) => {
      named.push(meta?.['io.modelcontextprotocol/related-task']);
      return { action: 'accept', content: { interpretation: 'snake' } };
    });
    await connect(client);
    const id = await begin(client, 'python', true);
    await client.experimental.tasks.getTaskResult(id, CallToolResultSchema);
    expect(named).toEqual([{ taskId: id }]);
  });

  it('are cancelled where their client wants it [PROXY-TASKS]', async () => {
    const client = newClient();
    await connect(client);
    const { tasks } = client.experimental;
    const id = await begin(client, 'rust');
    expect((await tasks.getTask(id)).status).toBe('working');
    expect((await tasks.cancelTask(id)).status).toBe('cancelled');
    expect((await tasks.getTask(id)).status).toBe('cancelled');
    await expect(tasks.cancelTask(id)).rejects.toThrow(/terminal/);
  });

  it('have changed something when they are complete [PROXY-MUTATES]', async () => {
    const client = newClient();
    const mutates = ['--mutates', `${TOOL}=${CHANGED}`, '--ttl', '0'];
    await connect(client, ...mutates);
    const read = () => client.readResource({ uri: CHANGED });
    const before = await read();
    const id = await begin(client, 'rust');
    // The server makes it anew each second; the task takes four.
    await expect
      .poll(async () => (await client.experimental.tasks.getTask(id)).statusMessage)
      .not.toContain('Gathering');
    expect(await read()).toEqual(before);
    await client.experimental.tasks.getTaskResult(id, CallToolResultSchema);
    expect(await read()).not.toEqual(before);
  });
});
