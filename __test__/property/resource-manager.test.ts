import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ReadOptions } from '../../src/manager/read-context.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/process-signals.ts';

const READERS: readonly ReadOptions[] = [
  { principal: 'ann' },
  { principal: 'bob' },
  { session: 'ann' },
  {},
];
const URIS = ['private://a', 'private://a/b', 'public://a'];

/** Ways to invalidate a URI; a template and a RegExp that end as it does, a prefix that does not. */
const WAYS = ['uri', 'template', 'regexp', 'prefix', 'tag'] as const;
type Way = (typeof WAYS)[number];

type Step =
  | { readonly do: 'read'; readonly uri: string; readonly reader: number }
  | {
      readonly do: 'write';
      readonly uri: string;
      readonly by: Way;
    }
  | { readonly do: 'pass'; readonly turns: number }
  | { readonly do: 'advance'; readonly ms: number };

const uris = fc.constantFrom(...URIS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), uri: uris, reader: fc.nat(3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      uri: uris,
      by: fc.constantFrom(...WAYS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), turns: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(60) }) },
);

/** An origin whose loads take some turns, and read the version at a turn in between. */
class World {
  readonly clock = new ManualClock();
  readonly manager: ResourceManager;
  readonly versions = new Map(URIS.map((uri) => [uri, 0]));
  readonly reads: Promise<void>[] = [];
  #turns = 0;

  constructor(maxEntries: number) {
    this.manager = new ResourceManager({ clock: this.clock, maxEntries, ttlMs: 100 });
    for (const scope of ['private', 'public']) {
      this.manager.register(
        `${scope}://{+x}`,
        async (uri, _, { principal, session }) => {
          for (let turn = this.#turns++ % 5; turn > 0; turn--) await Promise.resolve();
          const version = this.versions.get(uri) ?? 0;
          for (let turn = this.#turns++ % 3; turn > 0; turn--) await Promise.resolve();
          return { uri, principal, session, version };
        },
        { public: scope === 'public', tags: [scope] },
      );
    }
  }

  async take(action: Step): Promise<void> {
    switch (action.do) {
      case 'read':
        this.reads.push(this.#read(action.uri, READERS[action.reader] ?? {}));
        break;
      case 'write':
        this.#write(action.uri, action.by);
        break;
      case 'pass':
        for (let turn = 0; turn < action.turns; turn++) await Promise.resolve();
        break;
      case 'advance':
        this.clock.advance(action.ms);
    }
  }

  async #read(uri: string, reader: ReadOptions): Promise<void> {
    const atStart = this.versions.get(uri) ?? 0;
    const { contents } = await this.manager.read(uri, reader);
    const content = JSON.parse(contents[0]?.text ?? '') as ReadOptions & { version: number };
    const told = uri.startsWith('public') ? {} : reader;
    expect(content).toEqual({ uri, ...told, version: content.version });
    // What was written before the read began must show.
    expect(content.version).toBeGreaterThanOrEqual(atStart);
  }

  #write(uri: string, by: Way): void {
    this.versions.set(uri, (this.versions.get(uri) ?? 0) + 1);
    const scope = uri.slice(0, uri.indexOf(':'));
    const rest = uri.slice(scope.length);
    switch (by) {
      case 'uri':
        this.manager.invalidate(uri);
        break;
      case 'template':
        this.manager.invalidatePattern(`{scheme}${rest}`);
        break;
      case 'regexp':
        this.manager.invalidatePattern(new RegExp(`\\w+${rest}$`));
        break;
      case 'prefix':
        this.manager.invalidatePattern(`${scope}:*`);
        break;
      case 'tag':
        this.manager.invalidateTag(scope);
    }
  }
}

describe('ResourceManager', () => {
  it('shows every reader its own content, and none older than the last write before the read [MANAGER-PRINCIPALS] [MANAGER-INVALIDATE] [HAZARD-15]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        async (maxEntries, steps) => {
          const world = new World(maxEntries);
          for (const action of steps) await world.take(action);
          await Promise.all(world.reads);
          await settled();
          expect(world.manager.stats().size).toBeLessThanOrEqual(maxEntries);
          world.manager.close();
        },
      ),
      { numRuns: 400 },
    );
  });
});
