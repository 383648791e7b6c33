import { describe, expect, it } from 'vitest';

import { loadAddon } from '../../src/native/addon.ts';
import { type BlockSource, mapBlock, Word } from '../../src/native/heap-block.ts';
import { granaryFailure } from '../support/granary-failure.ts';

function nativeCore() {
  return new (loadAddon().HeapClock)(0);
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
});
