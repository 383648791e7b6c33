import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import type { Logger } from '../../src/logger.ts';
import { HttpFront } from '../../src/proxy/http-front.ts';
import { Proxy } from '../../src/proxy/proxy.ts';
import { DOCUMENTS } from '../support/proxied-client.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';

const PATIENCE_MS = 300;

async function open(): Promise<{ url: URL; warnings: string[] }> {
  const warnings: string[] = [];
  const logger: Logger = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: (message) => void warnings.push(message),
  };
  const [command = '', ...args] = DOCUMENTS;
  const proxy = new Proxy({
    ...{ target: { command, args }, ttlMs: 60_000, rules: [], cachedTools: [], mutates: {} },
    ...{
      failSafeMs: 0,
      maxEntries: 100,
      maxBytes: 100_000_000,
      maxMessageBytes: 50_000_000,
      holdMs: 1_000,
    },
    ...{ restartDelayMs: 100, longestRestartDelayMs: 1_000, limits: {}, logger },
  });
  const front = await HttpFront.open({
    ...{ proxy, host: '127.0.0.1', port: 0, forwardedHeaders: [], resumeBytes: 0 },
    ...{
      idleSessionMs: 60_000,
      maxSessions: 2,
      maxMessageBytes: 50_000_000,
      patienceMs: PATIENCE_MS,
      logger,
    },
    health: () => ({}),
  });
  onTestFinished(async () => {
    await front.drain();
    await proxy.close();
  });
  return { url: new URL(front.url), warnings };
}

it('does not wait for a body that never ends [PROXY-BOUNDED]', async () => {
  const { url } = await open();
  const socket = connect(Number(url.port), '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  const headers = Object.entries({ host: 'localhost', ...POST_HEADERS, 'content-length': '1000' });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`POST /mcp HTTP/1.1\r\n${head}\r\n{`);
  const drip = setInterval(() => socket.write(' '), 50);
  await once(socket, 'close');
  clearInterval(drip);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

it('takes its answer from who does not read it [PROXY-BOUNDED]', async () => {
  const { url, warnings } = await open();
  const post = async (body: string, headers: object): Promise<IncomingMessage> => {
    const sent = request(url, { method: 'POST', headers: { ...POST_HEADERS, ...headers } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  };
  const begun = await post(initializeBody(), {});
  await once(begun.resume(), 'end');
  const params = { name: 'large', arguments: { bytes: 16_000_000 } };
  const call = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  const answer = await post(call, { 'mcp-session-id': begun.headers['mcp-session-id'] });
  answer.pause();
  await expect
    .poll(() => warnings, { timeout: 20_000 })
    .toContain('a client does not read its answer');
  const closed = new Promise((resolve) => answer.once('close', resolve));
  answer.on('error', () => {}).resume();
  await closed;
});
