import type { Proxy } from '../proxy/proxy.ts';
import { explanationOf, type Explanation } from '../proxy/explanation.ts';
import { StandardOutput } from './standard-output.ts';
import type { Termination } from './termination.ts';

/** Tells whether, why and how long a URI would be cached, then ends. */
export async function explainCaching(
  proxy: Proxy,
  uri: string,
  isJson: boolean,
  termination: Termination,
): Promise<void> {
  const ended = new AbortController();
  void termination.requested.then(() => ended.abort());
  try {
    const explanation = await explanationOf(proxy, uri, ended.signal);
    const text = isJson ? JSON.stringify(explanation, null, 2) : inWords(explanation);
    await new StandardOutput().write(`${text}\n`);
  } finally {
    await proxy.close();
  }
}

function inWords(explanation: Explanation): string {
  const { uri, cached, scope, ttlMs, reasons, server } = explanation;
  const verdict = cached ? 'is cached' : 'is not cached';
  const time = ttlMs === 0 ? 'until the server tells of a change' : `for ${ttlMs} ms`;
  const whose = scope === 'public' ? 'one copy for all clients' : 'a copy for each client';
  return [
    `${uri} ${verdict}${cached ? ` ${time}, ${whose}` : ''}`,
    ...reasons.map((reason) => `- ${reason}`),
    `- the server ${server}`,
  ].join('\n');
}
