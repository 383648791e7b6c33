// The driver test suite of BentoCache on the package as it is built, for driver-suite.test.ts: japa
// runs once in a process. Arguments: the storage, and the layer.
import { assert } from '@japa/assert';
import { configure, run, test } from '@japa/runner';
import { registerCacheDriverTestSuite } from 'bentocache/test_suite';
import { ResourceCache } from 'mcp-granary';
import { granaryDriver } from 'mcp-granary/bentocache';

const [storage, layer] = process.argv.slice(2);

// One for all of its drivers: a prefix alone must keep them apart.
const cache = new ResourceCache({ storage });
const { factory } = granaryDriver({ cache, layer });

configure({
  files: () => [new URL(import.meta.url)],
  importer: () => {
    test.group('granaryDriver', (group) => {
      registerCacheDriverTestSuite({
        test,
        group,
        supportsMilliseconds: true,
        createDriver: (options) => factory({ prefix: 'japa', ...options }),
      });
    });
  },
  plugins: [assert()],
  reporters: { activated: ['ndjson'] },
});

await run();
cache.close();
