import { describe, expect, it } from 'vitest';

import { loadAddon } from '../../src/native/addon.ts';
import { type BlockSource, mapBlock, Word } from '../../src/native/heap-block.ts';
import { granaryFailure } from '../support/granary-failure.ts';

function nativeCore() {
  return new (loadAddon().HeapCore)({ background: false, startMs: 0 });
}

describe('the block that both sides map', () => {
  it('is one memory for both [HAZARD-2]', () => {
    const core = nativeCore();
    const words = mapBlock(core);
    core.writeNonce(77);
    expect(words[Word.nonce]).toBe(77);
    words[Word.nonceEcho] = 78;
    expect(core.readEcho()).toBe(78);
    core.close();
  });

  it('is refused where the runtime hands out a copy, as Electron does [HAZARD-2]', async () => {
    const core = nativeCore();
    const copying: BlockSource = {
      memory: () => core.memory().slice(0),
      writeNonce: (nonce) => core.writeNonce(nonce),
      readEcho: () => core.readEcho(),
    };
    const failure = await granaryFailure(
      () => mapBlock(copying),
      'ERR_GRANARY_UNSUPPORTED_RUNTIME',
    );
    expect(failure.message).toContain('copies external buffers');
    core.close();
  });

  it('is refused where only one direction is shared [HAZARD-2]', async () => {
    const core = nativeCore();
    const halfShared: BlockSource = {
      memory: () => core.memory(),
      writeNonce: (nonce) => core.writeNonce(nonce),
      readEcho: () => 0,
    };
    const failure = await granaryFailure(
      () => mapBlock(halfShared),
      'ERR_GRANARY_UNSUPPORTED_RUNTIME',
    );
    expect(failure.message).toContain('copies external buffers');
    core.close();
  });

  it('has the words where the core has them: capacities and seeds are there [HAZARD-7]', () => {
    const { HeapCore } = loadAddon();
    const main = { mainEntries: 900, maxEntries: 1_000, maxBytes: 1e6 };
    const [first, second] = [1, 2].map(() => {
      const core = new HeapCore({ background: false, startMs: 0, main });
      const words = mapBlock(core);
      core.close();
      return words;
    });
    const capacities = [Word.accessCapacity, Word.operationCapacity, Word.noticeCapacity];
    expect(capacities.map((at) => first![at])).toEqual([1_024, 256, 512]);
    const seeds = (words: Int32Array) => [words[Word.seedLow], words[Word.seedHigh]];
    expect(seeds(first!)).toEqual(seeds(second!));
    expect(seeds(first!)).not.toEqual([0, 0]);
  });
});
