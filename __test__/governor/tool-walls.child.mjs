// Run by the workflow, alone in a control group that was delegated to it: there the kernel itself stops a tool. Prints
// what it saw; fails where a wall does not hold.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { controlGroup } from '../../dist/governor/control-group.js';
import { EnhancedResourceManager } from '../../dist/governor/index.js';

const MIB = 1_048_576;
const tool = (name, ...args) => ({
  module: new URL('known-use.fixture.mjs', import.meta.url),
  export: name,
  args,
});

const group = controlGroup();
assert.ok(
  group?.controllers.includes('memory') && group.controllers.includes('pids'),
  'no delegation',
);
// So seldom that nothing but the kernel can be the one that stops it.
const governor = new EnhancedResourceManager({ sampleIntervalMs: 10_000 });
governor.on('unavailable', ({ reason }) => assert.fail(reason));
const limits = { maxMemoryBytes: 64 * MIB };
governor.initializeTool('tool', limits, limits, { isolation: 'process' });
let taken = 0;
await assert.rejects(
  governor.execute('tool', tool('growBuffers', 4, 1, false), {
    onProgress: (count) => (taken = count),
  }),
  { code: 'ERR_GRANARY_ABORTED' },
);
assert.ok(taken > 0 && taken * 4 < 160, `it took ${taken * 4} MiB`);
assert.equal(await governor.execute('tool', tool('echo', 1)), 1);
await governor.close();
assert.ok(!existsSync(`${group.folder}/granary-${process.pid}-tool-1`), 'a group was left');
console.log(`stopped by the kernel at ${taken * 4} MiB of 64`);
