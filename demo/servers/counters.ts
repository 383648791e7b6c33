import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

/** What a cache has done and held since its server started. */
export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  readonly coalescedLoads: number;
  readonly evictions: number;
  readonly size: number;
  readonly memoryBytes: number;
  /** The most that was held at once, looked at after every load. */
  readonly peakSize: number;
  readonly peakMemoryBytes: number;
}

/** What a server tells about itself. */
export interface Counters {
  readonly originLoads: number;
  /** `undefined` where there is no cache. */
  readonly cache?: CacheCounters;
}

/** The tool by which the demo asks for them. */
export const COUNTERS_TOOL = 'counters';

export function registerCounters(server: McpServer, counters: () => Counters): void {
  server.registerTool(COUNTERS_TOOL, { description: 'What this server has done so far' }, () => ({
    content: [{ type: 'text', text: JSON.stringify(counters()) }],
  }));
}
