// Starts a tool that loops, with a child of its own that has left the tree, and waits to be killed.
import { ProcessIsolation } from '../../dist/governor/process-isolation.js';

const isolation = new ProcessIsolation();
const module = new URL('known-use.fixture.mjs', import.meta.url);
isolation.start(
  'bomb',
  { module, export: 'forkBomb', args: [3] },
  {
    onProgress: (pids) => process.stdout.write(`${JSON.stringify(pids)}\n`),
  },
);
