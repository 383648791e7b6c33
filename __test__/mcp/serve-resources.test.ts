import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { McpError } from '@modelcontextprotocol/sdk/types.js';
import { CompleteRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { GranaryError } from '../../src/errors.ts';
import type { Logger } from '../../src/logger.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  connectInMemory,
  type LowLevelServer,
  newLowLevelServer,
  newServer,
  Peer,
} from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const PUBLIC = { public: true } as const;

function managerOf(): ResourceManager {
  return new ResourceManager({ clock: new ManualClock() });
}

/** @returns the JSON-RPC error that the client was answered with. */
async function refusal(answer: Promise<unknown>): Promise<McpError> {
  const outcome = await answer.then(
    () => expect.fail('expected an error'),
    (error: unknown) => error as McpError,
  );
  return outcome;
}

/** Sends a request as it is, whatever the client's types would say. */
function send(peer: Peer, method: string, params: Record<string, unknown>): Promise<unknown> {
  return peer.client.request({ method, params }, ResultSchema);
}

describe('serveResources', () => {
  watchProcess();

  it('declares what it does [MCP-SUBSCRIBE] [MCP-COMPLETE]', async () => {
    const { client } = await connectInMemory(managerOf());
    expect(client.getServerCapabilities()).toMatchObject({
      resources: { subscribe: true, listChanged: true },
      completions: {},
    });
  });

  describe('resources/read', () => {
    it('answers text, blobs, JSON and ready contents, from the cache [MCP-READ]', async () => {
      const manager = managerOf();
      manager.register('text://{x}', (_, { x }) => `text ${x}`, {
        ...PUBLIC,
        mimeType: 'text/plain',
      });
      manager.register('blob://{x}', () => Uint8Array.of(1, 2, 3), PUBLIC);
      manager.register('json://{x}', (_, params) => params, PUBLIC);
      const ready = {
        contents: [
          { uri: 'a', text: '1' },
          { uri: 'b', text: '2' },
        ],
        _meta: { v: 1 },
      };
      manager.register('ready://{x}', () => ready, PUBLIC);
      const { client } = await connectInMemory(manager);
      for (let round = 0; round < 2; round++) {
        expect(await client.readResource({ uri: 'text://1' })).toEqual({
          contents: [{ uri: 'text://1', mimeType: 'text/plain', text: 'text 1' }],
        });
        expect(await client.readResource({ uri: 'blob://1' })).toEqual({
          contents: [{ uri: 'blob://1', blob: 'AQID' }],
        });
        expect(await client.readResource({ uri: 'json://1' })).toEqual({
          contents: [{ uri: 'json://1', mimeType: 'application/json', text: '{"x":"1"}' }],
        });
        expect(await client.readResource({ uri: 'ready://1' })).toEqual(ready);
      }
      expect(manager.stats()).toMatchObject({ loads: 4, hits: 4 });
    });

    it('joins clients of several servers in one load [MCP-READ]', async () => {
      const manager = managerOf();
      const origin = deferred<string>();
      manager.register('slow://{x}', () => origin.promise, PUBLIC);
      const peers = await Promise.all([1, 2, 3].map(() => connectInMemory(manager)));
      const texts = peers.map((peer) => peer.text('slow://1'));
      await settled();
      origin.resolve('once');
      expect(await Promise.all(texts)).toEqual(['once', 'once', 'once']);
      expect(manager.stats().loads).toBe(1);
    });

    it('aborts the loader when the last client has cancelled [LOAD-ABORT-LAST]', async () => {
      const manager = managerOf();
      let signal: AbortSignal | undefined;
      manager.register(
        'slow://{x}',
        (_uri, _params, context) => {
          signal = context.signal;
          return new Promise(() => {});
        },
        PUBLIC,
      );
      const controllers = [new AbortController(), new AbortController()];
      const reads = await Promise.all(
        controllers.map(async (controller) => {
          const { client } = await connectInMemory(manager);
          const options = { signal: controller.signal };
          return { read: refusal(client.readResource({ uri: 'slow://1' }, options)) };
        }),
      );
      await settled();
      controllers[0]?.abort();
      await reads[0]?.read;
      await settled();
      expect(signal?.aborted).toBe(false);
      controllers[1]?.abort();
      await reads[1]?.read;
      await settled();
      expect(signal?.aborted).toBe(true);
    });

    it('takes __proto__ and constructor for what they are [INPUT-PROTO]', async () => {
      const manager = managerOf();
      manager.register('p://{__proto__}', (_, params) => Object.entries(params), PUBLIC);
      const peer = await connectInMemory(manager);
      expect(await peer.text('p://constructor')).toBe('[["__proto__","constructor"]]');
      for (const uri of ['__proto__', 'constructor', 'toString']) {
        expect((await refusal(peer.text(uri))).code).toBe(-32_002);
      }
    });
  });

  describe('errors', () => {
    it('are -32002 with the URI where there is no such resource [MCP-ERRORS]', async () => {
      const manager = managerOf();
      manager.register(
        'file://{x}',
        () => {
          throw new GranaryError('ERR_GRANARY_NO_MATCH', 'secret: /home/me is empty');
        },
        PUBLIC,
      );
      const peer = await connectInMemory(manager);
      for (const uri of [
        'unknown://1',
        'file://1',
        'file://1\u0000',
        `x${'y'.repeat(1_000_000)}`,
      ]) {
        for (const method of [
          'resources/read',
          ...(uri === 'file://1' ? [] : ['resources/subscribe']),
        ]) {
          const error = await refusal(send(peer, method, { uri }));
          expect(error).toMatchObject({ code: -32_002, data: { uri } });
          expect(error.message.length).toBeLessThan(300);
          expect(error.message).not.toContain('secret');
        }
      }
    });

    it('are -32602 where the params are bad [MCP-ERRORS]', async () => {
      const peer = await connectInMemory(managerOf(), {}, newLowLevelServer());
      for (const [method, params] of [
        ['completion/complete', {}],
        ['completion/complete', { ref: { type: 'ref/resource' }, argument: {} }],
        ['resources/read', {}],
        ['resources/read', { uri: 7 }],
        ['resources/read', { uri: '' }],
        ['resources/subscribe', { uri: null }],
        ['resources/subscribe', { uri: '' }],
        ['resources/unsubscribe', {}],
        ['resources/list', { cursor: 7 }],
        ['resources/templates/list', { cursor: {} }],
      ] as const) {
        const error = await refusal(send(peer, method, params));
        expect(error.code, `${method} ${JSON.stringify(params)}: ${error.message}`).toBe(-32_602);
      }
    });

    it('are -32603 where a loader failed, and tell nothing of why [MCP-ERRORS]', async () => {
      const logged: unknown[] = [];
      const log = (message: string, data?: object): void => void logged.push([message, data]);
      const logger: Logger = { debug: log, info: log, warn: log, error: log };
      const manager = managerOf();
      let outcome: unknown = new Error('password=hunter2');
      manager.register(
        'a://{x}',
        () => {
          if (outcome instanceof Error) throw outcome;
          return outcome;
        },
        PUBLIC,
      );
      const peer = await connectInMemory(manager, { logger });
      const error = await refusal(peer.text('a://1'));
      expect(error).toMatchObject({
        code: -32_603,
        data: { uri: 'a://1', reason: 'ERR_GRANARY_LOAD_FAILED' },
      });
      expect(JSON.stringify([error.message, error.data])).not.toMatch(/hunter2|\bat /);
      expect(JSON.stringify(logged)).toContain('hunter2');
      outcome = undefined;
      expect((await refusal(peer.text('a://1'))).code).toBe(-32_603);
      outcome = 'recovered';
      expect(await peer.text('a://1')).toBe('recovered');
      manager.close();
      expect((await refusal(peer.text('a://1'))).data).toMatchObject({
        reason: 'ERR_GRANARY_CLOSED',
      });
    });
  });

  describe('lists', () => {
    it('show resources and templates with what was said of them [MCP-LIST]', async () => {
      const manager = managerOf();
      manager.register('config://app', () => 1, {
        name: 'config',
        title: 'Configuration',
        description: 'Of the app',
        mimeType: 'application/json',
      });
      manager.register('note://{id}', () => 1, {
        name: 'note',
        mimeType: 'text/markdown',
        list: () => [
          { uri: 'note://2', size: 12 },
          { uri: 'note://1', name: 'First', title: 'T', description: 'D', mimeType: 'text/plain' },
          { uri: 'config://app', name: 'listed twice' },
        ],
      });
      manager.register('plain://{+x}', () => 1);
      const { client } = await connectInMemory(manager);
      expect(await client.listResources()).toEqual({
        resources: [
          {
            uri: 'config://app',
            name: 'config',
            title: 'Configuration',
            description: 'Of the app',
            mimeType: 'application/json',
          },
          { uri: 'note://1', name: 'First', title: 'T', description: 'D', mimeType: 'text/plain' },
          { uri: 'note://2', name: 'note://2', mimeType: 'text/markdown', size: 12 },
        ],
      });
      expect(await client.listResourceTemplates()).toEqual({
        resourceTemplates: [
          { uriTemplate: 'note://{id}', name: 'note', mimeType: 'text/markdown' },
          { uriTemplate: 'plain://{+x}', name: 'plain://{+x}' },
        ],
      });
    });

    it('tell a lister who asks, and fail where it fails [MCP-LIST]', async () => {
      const manager = managerOf();
      const seen: unknown[] = [];
      manager.register('a://{x}', () => 1, {
        list: (context) => {
          seen.push(context);
          if (seen.length > 1) throw new Error('secret');
          return [];
        },
      });
      const { client } = await connectInMemory(manager);
      expect(await client.listResources()).toEqual({ resources: [] });
      expect(seen).toEqual([{ session: expect.any(String), signal: expect.any(AbortSignal) }]);
      const error = await refusal(client.listResources());
      expect(error.code).toBe(-32_603);
      expect(error.message).not.toContain('secret');
    });

    it('page through everything that stays, once, while entries come and go [MCP-CURSOR]', async () => {
      const manager = managerOf();
      const uri = (n: number): string => `n://${String(n).padStart(4, '0')}`;
      for (let n = 0; n < 100; n += 2) manager.register(uri(n), () => n);
      const { client } = await connectInMemory(manager, { pageSize: 7 });
      const seen: string[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const page = await client.listResources(cursor === undefined ? {} : { cursor });
        expect(page.resources.length).toBeLessThanOrEqual(7);
        seen.push(...page.resources.map((resource) => resource.uri));
        cursor = page.nextCursor;
        // The last that was given out goes; others come before and after the cursor.
        const last = seen.at(-1) ?? '';
        if (pages % 2 === 0) manager.unregister(last);
        manager.register(uri(2 * pages + 1), () => 1);
        manager.register(uri(99 - 2 * pages), () => 1);
        pages++;
      } while (cursor !== undefined);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(seen.toSorted());
      for (let n = 0; n < 100; n += 2) expect(seen).toContain(uri(n));
    });

    it('page templates by cursors of their own [MCP-CURSOR]', async () => {
      const manager = managerOf();
      for (const n of ['a', 'b', 'c', 'd']) {
        manager.register(`${n}://{x}`, () => 1);
        manager.register(`${n}://exact`, () => 1);
      }
      const { client } = await connectInMemory(manager, { pageSize: 2 });
      const first = await client.listResourceTemplates();
      const second = await client.listResourceTemplates({ cursor: first.nextCursor as string });
      expect(second.resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
        'c://{x}',
        'd://{x}',
      ]);
      expect(second.nextCursor).toBeUndefined();
      const foreign = await refusal(client.listResources({ cursor: first.nextCursor as string }));
      expect(foreign.code).toBe(-32_602);
    });

    const encoded = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    it.each([
      '',
      'abc',
      'null',
      '%%%',
      encoded(null),
      encoded(5),
      encoded(['resources']),
      encoded(['resources', 5]),
      encoded(['templates', 'a://']),
      encoded(['resources', 'a://', 1]),
      ` ${encoded(['resources', 'a://'])}`,
      `${encoded(['resources', 'a://'])}=`,
      'x'.repeat(1_000_000),
    ])('refuse the cursor %j by -32602 [MCP-CURSOR]', async (cursor) => {
      const manager = managerOf();
      manager.register('a://b', () => 1);
      const { client } = await connectInMemory(manager);
      expect((await refusal(client.listResources({ cursor }))).code).toBe(-32_602);
    });
  });

  describe('list_changed', () => {
    it.each<[string, () => McpServer | LowLevelServer]>([
      ['an McpServer', newServer],
      ['a low-level Server', newLowLevelServer],
    ])(
      'is sent once a turn by %s, for exact URIs and templates [MCP-LIST-CHANGED]',
      async (_, make) => {
        const manager = managerOf();
        const peer = await connectInMemory(manager, {}, make());
        for (const change of [
          () => manager.register('a://b', () => 1),
          () => manager.register('a://{x}', () => 1),
          () => manager.unregister('a://b'),
          () => manager.unregister('a://{x}'),
          () => ['x', 'y', 'z'].map((name) => manager.register(`${name}://{+rest}`, () => 1)),
        ]) {
          peer.listChanges = 0;
          change();
          await settled();
          expect(peer.listChanges, change.toString()).toBe(1);
        }
      },
    );

    it('is not sent to who is not there, or no longer [MCP-LIST-CHANGED]', async () => {
      const manager = managerOf();
      const server = newServer();
      await serveResources(server, manager);
      manager.register('a://{x}', () => 1);
      const [near, far] = InMemoryTransport.createLinkedPair();
      await server.connect(far);
      manager.register('b://{x}', () => 1);
      await settled();
      const peer = new Peer();
      const { client } = peer;
      await client.connect(near);
      expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(2);
      expect(peer.listChanges).toBe(0);
      await client.close();
      manager.register('c://{x}', () => 1);
      await settled();
    });
  });

  describe('completion/complete', () => {
    function completingManager(): ResourceManager {
      const manager = managerOf();
      manager.register('city://{country}/{name}', () => 1, {
        ...PUBLIC,
        complete: {
          name: (value, { params }) =>
            ['Bern', 'Biel', 'Basel']
              .filter((name) => name.startsWith(value))
              .map((name) => `${name} (${params['country'] ?? '?'})`),
        },
      });
      manager.register('many://{x}', () => 1, {
        complete: { x: () => Array.from({ length: 250 }, (_, n) => String(n)) },
      });
      manager.register('bad://{x}', () => 1, {
        complete: {
          x: () => {
            throw new Error('secret');
          },
        },
      });
      manager.register('proto://{__proto__}', () => 1, {
        complete: Object.fromEntries([['__proto__', () => ['own']]]),
      });
      return manager;
    }

    function complete(peer: Peer, uri: string, name: string, value = '', rest = {}) {
      return peer.client.complete({
        ref: { type: 'ref/resource', uri },
        argument: { name, value },
        ...rest,
      });
    }

    describe.each<[string, () => McpServer | LowLevelServer]>([
      ['an McpServer', newServer],
      ['a low-level Server', newLowLevelServer],
    ])('by %s', (_, make) => {
      it('proposes values of variables [MCP-COMPLETE]', async () => {
        const peer = await connectInMemory(completingManager(), {}, make());
        const city = 'city://{country}/{name}';
        expect(
          await complete(peer, city, 'name', 'B', { context: { arguments: { country: 'CH' } } }),
        ).toMatchObject({
          completion: { values: ['Bern (CH)', 'Biel (CH)', 'Basel (CH)'], hasMore: false },
        });
        expect((await complete(peer, city, 'name', 'Ba')).completion.values).toEqual(['Basel (?)']);
        expect((await complete(peer, city, 'country')).completion.values).toEqual([]);
        for (const name of ['unknown', '__proto__', 'constructor']) {
          expect((await complete(peer, city, name)).completion.values, name).toEqual([]);
        }
        expect(
          (await complete(peer, 'proto://{__proto__}', '__proto__')).completion.values,
        ).toEqual(['own']);
        const { completion } = await complete(peer, 'many://{x}', 'x');
        expect(completion.values).toHaveLength(100);
        expect(completion).toMatchObject({ total: 250, hasMore: true });
      });

      it('refuses what is no template, and hides why a completer failed [MCP-COMPLETE] [MCP-ERRORS]', async () => {
        const peer = await connectInMemory(completingManager(), {}, make());
        expect((await refusal(complete(peer, 'nothing://{x}', 'x'))).code).toBe(-32_602);
        const error = await refusal(complete(peer, 'bad://{x}', 'x'));
        expect(error.code).toBe(-32_603);
        expect(error.message).not.toContain('secret');
      });

      it.each<[unknown, string]>([
        ['abc', '"abc"'],
        [undefined, 'undefined'],
        [new Set(['a']), 'an object'],
        [{ length: 1, 0: 'a', slice: () => ['a'] }, 'an object'],
        [['a', 1], '1 at index 1'],
        // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
        [['a', , 'c'], 'undefined at index 1'],
      ])(
        'refuses %j of a completer, and logs why [MCP-COMPLETE] [MCP-ERRORS]',
        async (given, got) => {
          const manager = managerOf();
          const returned = given as string[];
          manager.register('odd://{x}', () => 1, {
            complete: { x: () => returned },
          });
          manager.register('late://{x}', () => 1, {
            complete: { x: () => Promise.resolve(returned) },
          });
          const warnings: unknown[] = [];
          const ignore = () => {};
          const warn: Logger['warn'] = (_message, data) => void warnings.push(data?.['error']);
          const logger: Logger = { debug: ignore, info: ignore, warn, error: ignore };
          const peer = await connectInMemory(manager, { logger }, make());
          for (const pattern of ['odd://{x}', 'late://{x}']) {
            const error = await refusal(complete(peer, pattern, 'x'));
            expect(error.code).toBe(-32_603);
            expect(error.message).toMatch(/Internal error$/);
            expect(warnings.splice(0)).toEqual([
              `the completer of {x} in ${pattern} must return an array of strings, got ${got}`,
            ]);
          }
        },
      );

      it('follows templates that come and go [MCP-COMPLETE]', async () => {
        const manager = completingManager();
        const peer = await connectInMemory(manager, {}, make());
        manager.register('late://{x}', () => 1, { complete: { x: () => ['late'] } });
        expect((await complete(peer, 'late://{x}', 'x')).completion.values).toEqual(['late']);
        manager.unregister('late://{x}');
        expect((await refusal(complete(peer, 'late://{x}', 'x'))).code).toBe(-32_602);
      });
    });

    it.each(['before', 'after'])(
      'lives beside prompts that an McpServer has registered %s it [MCP-COMPLETE]',
      async (when) => {
        const server = newServer();
        const registerPrompt = (): unknown =>
          server.registerPrompt(
            'greet',
            { argsSchema: { name: completable(z.string(), (value) => [`${value}!`]) } },
            ({ name }) => ({ messages: [{ role: 'user', content: { type: 'text', text: name } }] }),
          );
        if (when === 'before') registerPrompt();
        await serveResources(server, completingManager());
        if (when === 'after') registerPrompt();
        const client = new Client({ name: 'test', version: '1.0.0' });
        const [near, far] = InMemoryTransport.createLinkedPair();
        await server.connect(far);
        await client.connect(near);
        const prompt = await client.complete({
          ref: { type: 'ref/prompt', name: 'greet' },
          argument: { name: 'name', value: 'Ada' },
        });
        expect(prompt.completion.values).toEqual(['Ada!']);
        const template = await client.complete({
          ref: { type: 'ref/resource', uri: 'city://{country}/{name}' },
          argument: { name: 'name', value: 'Bi' },
        });
        expect(template.completion.values).toEqual(['Biel (?)']);
      },
    );

    it('asks completePrompt for prompts of a low-level server [MCP-COMPLETE]', async () => {
      const peer = await connectInMemory(
        completingManager(),
        { completePrompt: ({ argument }) => ({ completion: { values: [`${argument.value}?`] } }) },
        newLowLevelServer(),
      );
      const { completion } = await peer.client.complete({
        ref: { type: 'ref/prompt', name: 'greet' },
        argument: { name: 'name', value: 'Ada' },
      });
      expect(completion.values).toEqual(['Ada?']);
      const without = await connectInMemory(completingManager(), {}, newLowLevelServer());
      const refused = without.client.complete({
        ref: { type: 'ref/prompt', name: 'greet' },
        argument: { name: 'name', value: 'Ada' },
      });
      expect((await refusal(refused)).code).toBe(-32_602);
    });

    it('never replaces a completion that a server had, unasked [MCP-COMPLETE]', async () => {
      const low = newLowLevelServer({ capabilities: { completions: {} } });
      low.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['mine'] } }));
      const refused = await granaryFailure(
        () => serveResources(low, managerOf()),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(refused.data['option']).toBe('completePrompt');
      const high = newServer();
      high.server.registerCapabilities({ completions: {} });
      high.server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [] } }));
      const error = await granaryFailure(
        () => serveResources(high, managerOf()),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.message).toContain('completePrompt');
    });
  });

  describe('authorize', () => {
    it('is asked before every answer, cached or not [HAZARD-19-AUTHORIZE]', async () => {
      const manager = managerOf();
      manager.register('a://{x}', () => 'for the allowed', PUBLIC);
      let allowed: unknown = true;
      const asked: string[] = [];
      const peer = await connectInMemory(manager, {
        authorize: (_, uri) => {
          asked.push(uri);
          if (allowed instanceof Error) throw allowed;
          return allowed as boolean;
        },
      });
      expect(await peer.text('a://1')).toBe('for the allowed');
      for (const answer of [false, undefined, 'yes']) {
        allowed = answer;
        expect((await refusal(peer.text('a://1'))).code).toBe(-32_002);
        const subscription = peer.client.subscribeResource({ uri: 'a://1' });
        expect((await refusal(subscription)).code).toBe(-32_002);
      }
      allowed = new Error('secret');
      const failed = await refusal(peer.text('a://1'));
      expect(failed.code).toBe(-32_603);
      expect(failed.message).not.toContain('secret');
      expect(asked).toHaveLength(8);
      manager.invalidate('a://1');
      expect(peer.updated).toEqual([]);
    });
  });

  describe('partition', () => {
    it.each<[string, () => unknown]>([
      ['throws', () => expect.fail('secret')],
      ['names nobody by an empty string', () => ''],
      ['names somebody by an object', () => ({ secret: 1 })],
    ])('that %s keeps everybody out [MANAGER-PRINCIPALS] [MCP-ERRORS]', async (_, partition) => {
      const manager = managerOf();
      manager.register('a://{x}', () => 'private');
      const peer = await connectInMemory(manager, { partition: partition as never });
      const error = await refusal(peer.text('a://1'));
      expect(error.code).toBe(-32_603);
      expect(JSON.stringify([error.message, error.data])).not.toContain('secret');
      expect(manager.stats()).toMatchObject({ loads: 0, uncachedReads: 0 });
    });
  });

  describe('misuse', () => {
    it.each<[string, unknown]>([
      ['pageSize', 0],
      ['pageSize', 1.5],
      ['maxSubscriptions', -1],
      ['partition', 'token'],
      ['authorize', true],
      ['completePrompt', {}],
    ])('names the option %s [INPUT-OPTIONS]', async (option, value) => {
      const error = await granaryFailure(
        () => serveResources(newServer(), managerOf(), { [option]: value }),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.data['option']).toBe(option);
    });

    it('refuses what is no server or no manager [INPUT-METHODS]', async () => {
      for (const server of [undefined, null, 7, {}, { server: null }, { server: {} }]) {
        await granaryFailure(
          () => serveResources(server as never, managerOf()),
          'ERR_GRANARY_BAD_OPTION',
        );
      }
      const error = await granaryFailure(
        () => serveResources(newServer(), {} as never),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.data['option']).toBe('manager');
    });

    it('refuses a server that is connected or served already [INPUT-METHODS]', async () => {
      const server = newServer();
      const serving = await serveResources(server, managerOf());
      await granaryFailure(() => serveResources(server, managerOf()), 'ERR_GRANARY_BAD_OPTION');
      serving.close();
      await serveResources(server, managerOf());
      const connected = newServer();
      await connected.connect(InMemoryTransport.createLinkedPair()[0]);
      const error = await granaryFailure(
        () => serveResources(connected, managerOf()),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.message).toContain('not connected yet');
    });
  });
});
