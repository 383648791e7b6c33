import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { deferred } from '../support/deferred.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ANN = { principal: 'ann' };
const BOB = { principal: 'bob' };
const uri = 'private://a';

interface Fixture {
  readonly cache: ResourceCache<ReadResult>;
  readonly manager: ResourceManager;
  text(reader: typeof ANN): Promise<string | undefined>;
  loads(): number;
}

function fixture(clock: ManualClock): Fixture {
  const cache = new ResourceCache<ReadResult>({ clock });
  const manager = new ResourceManager({ cache });
  let loads = 0;
  manager.register('private://{+rest}', (_, __, { principal }) => `${principal} ${++loads}`, {
    tags: ['private'],
  });
  const text = async (reader: typeof ANN) => (await manager.read(uri, reader)).contents[0]?.text;
  return { cache, manager, text, loads: () => loads };
}

async function dumpOfTwo(clock: ManualClock): Promise<Uint8Array> {
  const { cache, text } = fixture(clock);
  await text(ANN);
  await text(BOB);
  return dumpBytes(cache.dump());
}

describe('a manager over a restored cache', () => {
  it('answers each reader with his own copy, without a load [DUMP-PARTITIONS]', async () => {
    const clock = new ManualClock();
    const bytes = await dumpOfTwo(clock);
    const next = fixture(clock);
    expect(await next.cache.restore([bytes])).toMatchObject({ restored: 2 });
    expect(await next.text(ANN)).toBe('ann 1');
    expect(await next.text(BOB)).toBe('bob 2');
    expect(next.loads()).toBe(0);
  });

  it('drops every partition of what is invalidated [DUMP-PARTITIONS]', async () => {
    const clock = new ManualClock();
    const bytes = await dumpOfTwo(clock);
    const drops: ((manager: ResourceManager) => unknown)[] = [
      (manager) => manager.invalidate(uri),
      (manager) => manager.invalidatePattern('private://*'),
      (manager) => manager.invalidateTag('private'),
    ];
    for (const drop of drops) {
      const { cache, manager } = fixture(clock);
      await cache.restore([bytes]);
      drop(manager);
      expect(cache.size).toBe(0);
    }
  });

  it('drops what a restore would have brought, too [DUMP-PARTITIONS, DUMP-NEWER-WINS]', async () => {
    const clock = new ManualClock();
    const bytes = await dumpOfTwo(clock);
    const drops: ((manager: ResourceManager) => unknown)[] = [
      (manager) => manager.invalidate(uri),
      (manager) => manager.invalidatePattern('private://{id}'),
      (manager) => manager.invalidateTag('private'),
      (manager) => manager.clear(),
    ];
    for (const drop of drops) {
      const { cache, manager } = fixture(clock);
      const gate = deferred<void>();
      const source = async function* () {
        yield bytes;
        await gate.promise;
      };
      const restoring = cache.restore(source());
      drop(manager);
      gate.resolve();
      expect(await restoring).toEqual({ restored: 0, expired: 0, skipped: 2 });
    }
  });
});
