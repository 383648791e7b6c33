import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { PROXY_NUMBERS } from '../../src/cli/proxy-numbers.ts';
import { readProxySettings, type ProxySettings } from '../../src/cli/proxy-settings.ts';
import { commandFixture } from '../support/granary-command.ts';
import { DOCUMENTS, EVERYTHING } from '../support/proxied-client.ts';
import { ROOT } from '../support/run-program.ts';

const { folder, run } = commandFixture();
const SCHEMA = JSON.parse(readFileSync(path.join(ROOT, 'proxy.schema.json'), 'utf8')) as Record<
  string,
  never
>;

function configFile(config: unknown): string {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return path.join(folder({ 'proxy.json': text }), 'proxy.json');
}

function settingsOf(...args: string[]): ProxySettings {
  const settings = readProxySettings(args);
  if (typeof settings === 'string') throw new Error(settings);
  return settings;
}

describe('the options of granary proxy', () => {
  it.each([
    [[], 'the server is missing: give a COMMAND after --, or --url URL'],
    [['npx'], 'the COMMAND comes after --, got "npx" before it'],
    [['--url', 'http://a/', '--', 'b'], 'either --url or a COMMAND after -- is needed, got both'],
    [['--url', 'file:///etc'], '--url must be an http or https URL, got "file:///etc"'],
    [['--ttl', '-1', '--', 'x'], '--ttl must be an integer from 0 to 3155760000000 (ms), got "-1"'],
    [
      ['--max-message-bytes', '1', '--', 'x'],
      '--max-message-bytes must be an integer from 1024 to',
    ],
    [['--http', '0.0.0.0:80', '--', 'x'], '--http must be [HOST:]PORT with a port from 0 to 65535'],
    [['--http', '65536', '--', 'x'], '--http must be [HOST:]PORT with a port from 0 to 65535'],
    [['--log', 'xml', '--', 'x'], '--log must be text or json, got "xml"'],
    [['--header', 'secret', '--url', 'http://a/'], "--header must be 'NAME: VALUE'"],
    [['--restart-delay', '50000', '--', 'x'], '--restart-delay must be at most --restart-longest'],
    [['--ttl', '1', '--ttl', '2', '--', 'x'], '--ttl is given twice'],
    [['--mutates', 'write', '--', 'x'], '--mutates must be TOOL=WHAT, got "write"'],
    [['--mutates', '=a:*', '--', 'x'], '--mutates must be TOOL=WHAT, got "=a:*"'],
    [
      ['--mutates', 'a=b:*', '--cache-tool', 'a', '--', 'x'],
      'a tool is either cached or mutates, got both for "a"',
    ],
    [['--explain', '', '--', 'x'], '--explain must be a URI, got ""'],
  ])('refuses %j [PROXY-OPTIONS]', (args, message) => {
    expect(() => readProxySettings(args)).toThrow(message);
  });

  it.each([
    ['{', 'must be a JSON file that can be read'],
    ['[]', '--config must hold an object'],
    [{ ttl: 1 }, 'unknown key "ttl" in'],
    [{ ttlMs: '1' }, 'must be an integer from 0 to 3155760000000 (ms), got "1"'],
    [{ rules: [{ uris: 'a:*', ttlMs: -1 }] }, 'rules[0].ttlMs in'],
    [{ rules: [{ public: true }] }, 'rules[0].uris is missing in'],
    [{ rules: [{ uri: 'a' }] }, 'unknown key "rules[0].uri" in'],
    [{ command: [] }, 'command in'],
    [{ headers: { a: 1 } }, 'headers in'],
    [{ mutates: { a: [] } }, 'mutates in'],
    [{ mutates: { a: 'b:*' } }, 'mutates in'],
    [{ mutates: ['a'] }, 'mutates in'],
    [{ url: 'http://a/', command: ['b'] }, 'either url or command may be in the config file'],
  ])('refuses the config file %j, as its schema does [PROXY-OPTIONS]', (config, message) => {
    expect(() => readProxySettings(['--config', configFile(config)])).toThrow(message);
    if (typeof config === 'string') return;
    expect(new Ajv2020().compile(SCHEMA)(config)).toBe(false);
  });

  it('are read from the config file where no flag says otherwise [PROXY-OPTIONS]', () => {
    const config = {
      $schema: 'https://example.org/proxy.schema.json',
      command: ['some', 'server'],
      http: '8080',
      host: '0.0.0.0',
      allowedHosts: ['mcp.test'],
      allowedOrigins: ['https://app.test'],
      ttlMs: 5,
      failSafeMs: 6,
      rules: [
        { uris: 'a://{b}', public: true, ttlMs: 7 },
        { uris: 'c:*', cache: false },
      ],
      cachedTools: ['one'],
      mutates: { two: ['a://{b}', 'resources/list'] },
      forwardHeaders: ['X-Tenant'],
      log: 'json',
      inspect: false,
      maxMemoryBytes: 1_000,
    };
    expect(new Ajv2020().compile(SCHEMA)(config)).toBe(true);
    const file = configFile(config);
    expect(settingsOf('--config', file)).toMatchObject({
      target: { command: 'some', args: ['server'] },
      http: {
        ...{ host: '0.0.0.0', port: 8_080 },
        allowed: { hosts: ['mcp.test'], origins: ['https://app.test'], isLoopback: false },
      },
      ttlMs: 5,
      failSafeMs: 6,
      rules: config.rules,
      cachedTools: ['one'],
      forwardedHeaders: ['x-tenant'],
      log: 'json',
      isInspected: false,
      maxMemoryBytes: 1_000,
      maxEntries: 10_000,
    });
    const flags = ['--ttl', '9', '--no-cache', 'a://x', '--log', 'text'];
    flags.push('--mutates', 'two=c:=*', '--mutates', 'three=d:1', '--', 'other');
    expect(settingsOf('--config', file, ...flags)).toMatchObject({
      target: { command: 'other', args: [] },
      ttlMs: 9,
      rules: [{ uris: 'a://x', cache: false }, ...config.rules],
      mutates: { two: ['c:=*', 'a://{b}', 'resources/list'], three: ['d:1'] },
      log: 'text',
    });
  });

  it('have a schema that says the same of numbers [PROXY-OPTIONS]', () => {
    const { properties } = SCHEMA as unknown as {
      properties: Record<string, { minimum: number; maximum: number; default?: number }>;
    };
    for (const [name, { min, max, usual }] of Object.entries(PROXY_NUMBERS)) {
      const told = { minimum: min, maximum: max, ...(usual !== undefined && { default: usual }) };
      expect(properties[name]).toMatchObject(told);
    }
  });

  it('are told by --help, and wrong ones end it with code 2 [PROXY-OPTIONS]', async () => {
    const help = run('proxy', '--help');
    expect(await help.end()).toEqual([0, null]);
    for (const { flag } of Object.values(PROXY_NUMBERS)) expect(help.stdout).toContain(`--${flag}`);
    const wrong = run('proxy', '--ttl', 'x', '--', 'y');
    expect(await wrong.end()).toEqual([2, null]);
    expect(wrong.stderr).toContain('granary proxy --help tells more');
    const rule = run('proxy', '--public', 'a://{b', '--', 'y');
    expect(await rule.end()).toEqual([2, null]);
    expect(rule.stderr).toContain('the URI template "a://{b" is not valid at position 4');
  });
});

describe('granary proxy --explain', { timeout: 60_000 }, () => {
  function explain(...args: string[]): Record<string, unknown> {
    const main = path.join(ROOT, 'dist/cli/main.js');
    const given = [main, 'proxy', '--json', ...args];
    const { stdout, stderr } = spawnSync(process.execPath, given, { encoding: 'utf8' });
    try {
      return JSON.parse(stdout) as Record<string, unknown>;
    } catch {
      throw new Error(`${stdout}\n${stderr}`);
    }
  }

  it('says whether, why and how long [PROXY-EXPLAIN]', async () => {
    const documents = ['--', ...DOCUMENTS];
    expect(explain('--explain', 'docs://minute', ...documents)).toMatchObject({
      ...{ cached: true, scope: 'private', ttlMs: 60_000 },
      reasons: ['the default allows it, for 60000 ms', 'the server says 60000 ms, private'],
      server: 'answered on revision 2026-07-28',
    });
    expect(explain('--explain', 'docs://shared', '--ttl', '5', ...documents)).toMatchObject({
      ...{ cached: true, scope: 'public', ttlMs: 5 },
    });
    expect(explain('--explain', 'docs://brief', ...documents)).toMatchObject({ cached: false });
    expect(
      explain('--explain', 'docs://minute', '--no-cache', 'docs://*', ...documents),
    ).toMatchObject({ cached: false, reasons: ['the rule for docs://* forbids it'] });
    expect(explain('--explain', 'other://x', ...documents)).toMatchObject({
      cached: false,
      server: expect.stringContaining('answered with the error'),
    });
    const uri = 'demo://resource/dynamic/text/1';
    expect(explain('--explain', uri, '--', ...EVERYTHING)).toMatchObject({
      ...{ cached: true, scope: 'private', ttlMs: 60_000 },
      server: 'answered on revision 2025-11-25',
    });
    const text = run('proxy', '--explain', uri, '--', ...EVERYTHING);
    expect(await text.end()).toEqual([0, null]);
    expect(text.stdout).toMatch(/^demo:\S+ is cached for 60000 ms, a copy for each client\n/);
  });
});
