import path from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { RunningCommand, until } from './granary-command.ts';

/** The fixture of the conformance suite. */
const SERVER = path.resolve('.setup/programs/conformance/fixture/main.js');

/** Servers that have to keep to the specification. */
export const SPECIFIED = [
  'a cached server of version 1',
  'a cached server of version 2',
  'granary proxy',
] as const;

/** Those of them that speak 2026-07-28. */
export const SPECIFIED_STATELESS = SPECIFIED.slice(1);

/**
 * Starts a server once for all tests of a suite.
 *
 * @returns where it answers, cached by granary or behind it
 */
export function specifiedServer(name: (typeof SPECIFIED)[number]): () => URL {
  const running: RunningCommand[] = [];
  let url: URL | undefined;
  const start = (args: readonly string[], entry?: string): RunningCommand => {
    const command = new RunningCommand(args, entry);
    running.push(command);
    return command;
  };
  beforeAll(async () => {
    const isVersion1 = name === 'a cached server of version 1';
    const isBehind = name === 'granary proxy';
    const version = isVersion1 ? 'v1' : 'v2';
    const server = start([version, isBehind ? 'bare' : 'granary'], SERVER);
    url = new URL(await until('the URL', () => /http:\S+/.exec(server.stdout)?.[0]));
    if (!isBehind) return;
    const proxy = start(['proxy', '--http', '0', '--url', url.href]);
    const [, own = ''] = await proxy.logged(/url="(http:\/\/127\.0\.0\.1:\d+\/mcp)"/);
    url = new URL(own);
  });
  afterAll(async () => {
    for (const command of running.reverse()) {
      command.child.kill('SIGKILL');
      await command.end();
    }
  });
  return () => {
    if (url === undefined) throw new Error('the server has not started');
    return url;
  };
}

export interface SpecifiedMessage {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: {
    readonly code: number;
    readonly message: unknown;
    readonly data?: Readonly<Record<string, unknown>>;
  };
}

/** An answer by HTTP, as it came. */
export class SpecifiedAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;

  constructor({ status, headers }: Response, text: string) {
    this.status = status;
    this.headers = headers;
    this.type = headers.get('content-type') ?? '';
    this.text = text;
  }

  /** The messages of a JSON body or an event stream, in their order. */
  get messages(): SpecifiedMessage[] {
    if (!this.type.includes('text/event-stream')) {
      return this.text === '' ? [] : [JSON.parse(this.text) as SpecifiedMessage];
    }
    return this.text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice('data: '.length)) as SpecifiedMessage);
  }

  /** The response: what comes last. */
  get response(): SpecifiedMessage {
    return this.messages.at(-1) ?? {};
  }
}

/** @param body an object is sent as JSON, a string as it is */
export async function post(
  url: URL,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SpecifiedAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return new SpecifiedAnswer(response, await response.text());
}
