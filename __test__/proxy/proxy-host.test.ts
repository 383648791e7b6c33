import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';

import { describe, expect, it } from 'vitest';

import { readProxySettings } from '../../src/cli/proxy-settings.ts';
import { commandFixture } from '../support/granary-command.ts';
import { connectModernHttp, connectOlderHttp, DOCUMENTS } from '../support/proxied-client.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';

const { run } = commandFixture();

/** An address by which other machines would come; that of the loopback where there is no network. */
const ADDRESS =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';

function settingsOf(...args: readonly string[]) {
  const settings = readProxySettings([...args, '--', 'server']);
  if (typeof settings === 'string') throw new Error(settings);
  return settings.http;
}

async function statusOf(url: URL, headers: Readonly<Record<string, string>>): Promise<number> {
  const sent = request(url, { method: 'POST', headers: { ...POST_HEADERS, ...headers } });
  sent.end(initializeBody());
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  return response.statusCode ?? 0;
}

describe('granary proxy --host', { timeout: 60_000 }, () => {
  it('serves other machines under the names that it is told, and says what it does not do [PROXY-HOST]', async () => {
    const allowed = ['--allowed-hosts', `mcp.test,${ADDRESS}`];
    const origins = ['--allowed-origins', 'https://app.test'];
    const where = ['--http', '0', '--host', '0.0.0.0', ...allowed, ...origins];
    const command = run('proxy', ...where, '--', ...DOCUMENTS);
    await command.logged(/warn other machines can reach this proxy, which has no authorization/);
    const [, port = ''] = await command.logged(/url="http:\/\/0\.0\.0\.0:(\d+)\/mcp"/);
    const url = new URL(`http://${ADDRESS}:${port}/mcp`);
    const older = await connectOlderHttp(url.href);
    const modern = await connectModernHttp(url.href);
    expect((await older.listTools()).tools.length).toBeGreaterThan(0);
    expect((await modern.listTools()).tools.length).toBeGreaterThan(0);
    expect(await statusOf(url, { host: 'mcp.test' })).toBe(200);
    expect(await statusOf(url, { host: 'MCP.test:8443' })).toBe(200);
    expect(await statusOf(url, { origin: 'https://app.test' })).toBe(200);
    for (const host of ['evil.test', 'mcp.test.evil.test', 'x.mcp.test', 'localhost.evil.test']) {
      expect(await statusOf(url, { host })).toBe(403);
    }
    // Pages of the user's own machine are strangers here.
    for (const origin of ['https://evil.test', 'http://app.test', 'http://localhost', 'null']) {
      expect(await statusOf(url, { origin })).toBe(403);
    }
  });

  it('says nothing of authorization where it serves this machine alone [PROXY-HOST]', async () => {
    const command = run('proxy', '--http', '0', '--host', '127.0.0.1', '--', ...DOCUMENTS);
    const [, url = ''] = await command.logged(/url="([^"]+)"/);
    expect(await statusOf(new URL(url), { host: 'mcp.test' })).toBe(403);
    expect(command.stderr).not.toContain('authorization');
  });

  it('ends with code 2 where the address is not one of the machine [PROXY-HOST]', async () => {
    const where = ['--http', '0', '--host', '192.0.2.1', '--allowed-hosts', 'mcp.test'];
    const command = run('proxy', ...where, '--', ...DOCUMENTS);
    expect(await command.end()).toEqual([2, null]);
    expect(command.stderr).toContain('--host must be an address of this machine (EADDRNOTAVAIL)');
  });

  it('is read with whom requests may name [PROXY-HOST]', () => {
    const hosts = ['--allowed-hosts', 'A.test, [::1]', '--allowed-hosts', '10.0.0.1'];
    const origins = ['--allowed-origins', 'HTTPS://App.test:443,http://b.test:81'];
    expect(settingsOf('--http', '1', '--host', '[::]', ...hosts, ...origins)).toEqual({
      ...{ host: '::', port: 1 },
      allowed: {
        hosts: ['a.test', '[::1]', '10.0.0.1'],
        origins: ['https://app.test', 'http://b.test:81'],
        isLoopback: false,
      },
    });
    const here = { hosts: [], origins: [], isLoopback: true };
    for (const host of ['127.0.0.2', '::1', '[::1]', 'localhost']) {
      expect(settingsOf('--http', '1', '--host', host)).toMatchObject({ port: 1, allowed: here });
    }
    expect(settingsOf('--http', 'localhost:1')).toMatchObject({ host: 'localhost', allowed: here });
  });

  it.each([
    [['--host', '0.0.0.0'], '--host, --allowed-hosts and --allowed-origins need --http'],
    [
      ['--http', '1', '--host', '0.0.0.0'],
      '--host 0.0.0.0 is no loopback address: --allowed-hosts must say by which names clients reach it, and --allowed-origins',
    ],
    [['--http', 'localhost:1', '--host', '::1'], 'either --http may name a host or --host, got'],
    [['--http', '1', '--host', 'mcp.test'], '--host must be an IP address of this machine, or'],
    [['--http', '1', '--allowed-hosts', '*.test'], '--allowed-hosts must be names or IP addresses'],
    [['--http', '1', '--allowed-hosts', 'a.test:80'], '--allowed-hosts must be names or IP'],
    [['--http', '1', '--allowed-hosts', 'a.test,'], '--allowed-hosts must be names or IP'],
    [['--http', '1', '--allowed-hosts', 'http://a.test'], '--allowed-hosts must be names or IP'],
    [['--http', '1', '--allowed-origins', '*'], '--allowed-origins must be like https://app.exam'],
    [['--http', '1', '--allowed-origins', 'https://a.test/b'], '--allowed-origins must be like'],
    [['--http', '1', '--allowed-origins', 'null'], '--allowed-origins must be like'],
  ])('refuses %j [PROXY-HOST]', (args, message) => {
    expect(() => settingsOf(...args)).toThrow(message);
  });
});
