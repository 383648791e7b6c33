// A server whose tools run as they are told: inline, in a worker, in a process; it tells the path of its endpoint, then
// what has ended of what was asked of it.
import { createInterface } from 'node:readline';
import { ResourceCache } from '../../dist/index.js';
import { EnhancedResourceManager, inspect } from '../../dist/governor/index.js';

const MIB = 1_048_576;
const governor = new EnhancedResourceManager();
const cache = new ResourceCache({ maxEntries: 10, maxBytes: 100_000 });
const module = new URL('known-use.fixture.mjs', import.meta.url);

// What may be raised would be, before anybody has to wait.
const initialize = (toolId, limits, isolation) =>
  governor.initializeTool(toolId, limits, limits, { isolation });
initialize('plain', {}, 'inline');
initialize('threaded', { maxMemoryBytes: 64 * MIB }, 'worker');
initialize('apart', { maxFileHandles: 20 }, 'process');

const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const COMMANDS = {
  async run({ toolId, name, args }) {
    await governor.execute(toolId, { module, export: name, args });
  },
  async fill({ entries, reads }) {
    for (let index = 0; index < entries; index++) cache.set(`mem://${index}`, 'x'.repeat(100));
    for (let index = 0; index < reads; index++) cache.get(`mem://${index % (entries * 2)}`);
  },
  async name({ toolId }) {
    governor.initializeTool(toolId);
  },
  async block({ ms }) {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
  },
};

const endpoint = await inspect({
  governor,
  caches: { pages: cache },
  ...JSON.parse(process.argv[2] ?? '{}'),
});
tell({ path: endpoint.path });
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, command, ...rest } = JSON.parse(line);
  COMMANDS[command](rest).then(
    () => tell({ id, ok: true }),
    (error) => tell({ id, ok: false, error: String(error) }),
  );
});
process.stdin.once('end', async () => {
  cache.close();
  await governor.close();
  // The endpoint is left open: it holds nobody back.
});
