/** How a server is reached. */
export const TRANSPORTS = ['stdio', 'http-stateful', 'http-stateless'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** Every one serves the same documents and tools. */
export const CONTENDERS = ['sdk', 'sdk+lru-cache', 'granary', 'granary-bytes'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** What a server has: whatever it is not asked for would still cost one that is made for each request. */
export const OFFERS = ['documents', 'tools'] as const;
export type Offer = (typeof OFFERS)[number];

/** What is asked for; in params of JSON-RPC. */
export interface Workload {
  readonly name: string;
  readonly method: 'resources/read' | 'tools/list';
  readonly offer: Offer;
  /** Taken in turns. */
  readonly params: readonly object[];
}

const SIZES: Readonly<Record<string, number>> = {
  '200B': 200,
  '10kB': 10_000,
  '100kB': 100_000,
  '1MB': 1_000_000,
};
export const TOOLS = 50;
/** Templates of the server, of which each document has one. */
export const KINDS = ['guide', 'table', 'report', 'note', 'log', 'index'] as const;
const DOCUMENTS_PER_SIZE = 8;

function uris(size: string): string[] {
  return Array.from(
    { length: DOCUMENTS_PER_SIZE },
    (_, at) => `${KINDS[at % KINDS.length]}://documents/${size}-${at}`,
  );
}

export const WORKLOADS: readonly Workload[] = [
  ...Object.keys(SIZES).map((size) => ({
    name: `read-${size}`,
    method: 'resources/read' as const,
    offer: 'documents' as const,
    params: uris(size).map((uri) => ({ uri })),
  })),
  { name: `tools-list-${TOOLS}`, method: 'tools/list', offer: 'tools', params: [{}] },
];

/** Text with what JSON escapes and what UTF-8 takes several bytes for. */
export function textOf(uri: string): string {
  const size = SIZES[/documents\/(.+)-\d+$/.exec(uri)?.[1] ?? ''];
  if (size === undefined) throw new Error(`no document ${uri}`);
  const line = `${uri}: "quoted", a\\b, tabs\tand – umlauts äöü, line `;
  let text = '';
  for (let at = 0; text.length < size; at++) text += `${line}${at}\n`;
  return text.slice(0, size);
}
