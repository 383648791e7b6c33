// An MCP server with a greedy, an endless and a leaking tool, and a good one that stays fast beside them. Start it without
// arguments: it is the client, and starts the server.
import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { EnhancedResourceManager } from 'mcp-granary/governor';
import { governTools } from 'mcp-granary/mcp';
import { z } from 'zod';

const says = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });
const elsewhere = (): CallToolResult => says('runs in its module');

async function serve(): Promise<void> {
  const governor = new EnhancedResourceManager({ inline: { leaks: 'close' } });
  const told: string[] = [];
  governor.on('execution-ended', ({ toolId, resource, how }) =>
    told.push(`${toolId} was ${how} to end: ${resource}`),
  );
  governor.on('leaked', ({ toolId, leaks }) =>
    told.push(
      `${toolId} left ${leaks.length} open, ${leaks.filter((one) => one.closed).length} closed`,
    ),
  );
  const server = new McpServer({ name: 'governed', version: '1.0.0' });
  const module = new URL('parts/bad-tools.js', import.meta.url);
  const limits = { maxMemoryBytes: 64 * 1_048_576, maxCpuTimeMs: 300 };
  const bad = { baseLimits: limits, maxLimits: limits, module };
  governTools(server, governor, {
    tools: {
      greedy: { ...bad, isolation: 'process', export: 'greedy' },
      endless: { ...bad, isolation: 'worker', export: 'endless' },
    },
  });
  server.registerTool('greedy', { description: 'takes all memory' }, elsewhere);
  server.registerTool('endless', { description: 'never ends' }, elsewhere);
  server.registerTool('leaking', { description: 'closes nothing' }, async () => {
    setInterval(() => {}, 60_000);
    await open(fileURLToPath(import.meta.url));
    return says('done');
  });
  server.registerTool('good', { inputSchema: { text: z.string() } }, ({ text }) =>
    says(text.toUpperCase()),
  );
  server.registerTool('waits', { description: 'until all are within their limits' }, async () => {
    for (let look = 0; look < 100; look++) {
      const worst = new Set(['greedy', 'endless'].map((tool) => governor.status(tool)));
      if (worst.size === 1 && worst.has('normal')) return says('normal');
      await setTimeout(50);
    }
    return says('over their limits');
  });
  server.registerTool('told', { description: 'what the governor has told' }, () =>
    says(told.join('\n')),
  );
  await server.connect(new StdioServerTransport());
  process.stdin.once('end', () => void governor.close().then(() => server.close()));
}

async function main(): Promise<void> {
  const client = new Client({ name: 'asks', version: '1.0.0' });
  const args = [fileURLToPath(import.meta.url), 'serve'];
  await client.connect(new StdioClientTransport({ command: process.execPath, args }));
  const call = async (name: string, input = {}): Promise<string> => {
    const result = await client.callTool({ name, arguments: input });
    const [part] = result.content as { text: string }[];
    return `${name}${result.isError === true ? ' failed' : ''}: ${part?.text ?? ''}`;
  };

  let goodCalls = 0;
  let slowestMs = 0;
  const over = new AbortController();
  const beGood = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const begun = performance.now();
      await call('good', { text: 'fine' });
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      goodCalls++;
    }
  };
  const good = beGood();
  const answers = await Promise.all(['greedy', 'endless', 'leaking'].map((name) => call(name)));
  over.abort();
  await good;
  for (const answer of answers) console.log(answer.replaceAll(/uses [\d.]+/g, 'uses N'));
  // greedy failed: Resource limits exceeded: tool "greedy" uses N MiB of memory, its limit is 64.0 MiB of memory; try again in 1 s
  // endless failed: Resource limits exceeded: tool "endless" uses N s of CPU time, its limit is 0.30 s of CPU time; try again in 1 s
  // leaking: done
  console.log(goodCalls > 20 && slowestMs < 500); // true
  const told = (await call('told')).replace('told: ', '').split('\n');
  for (const line of told.filter((one) => !one.includes('forced')).toSorted()) console.log(line);
  // endless was asked to end: cpuTimeMs
  // greedy was asked to end: memoryBytes
  // leaking left 2 open, 2 closed
  await client.close();
}

await (process.argv[2] === 'serve' ? serve() : main());
