import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { StateFile } from '../../src/cli/state-file.ts';
import { WarmState } from '../../src/cli/warm-state.ts';
import { FileOrigin } from '../../src/files/file-origin.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';

const SAVE_EVERY_MS = 5 * 60_000;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('the state of a served folder', () => {
  let place = '';
  const closing: (() => unknown)[] = [];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    place = realpathSync(mkdtempSync(path.join(tmpdir(), 'granary-state-')));
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const close of closing.splice(0)) await close();
    rmSync(place, { recursive: true });
  });

  it('is saved every five minutes, where anything has changed [SERVE-STATE]', async () => {
    const dir = mkdtempSync(path.join(place, 'served-'));
    const file = path.join(dir, 'a.md');
    writeFileSync(file, 'A');
    const statePath = path.join(place, 'state');
    const cache = new ResourceCache<ReadResult>();
    const manager = new ResourceManager({ cache });
    const origin = await FileOrigin.open(dir, manager, {
      maxFileBytes: 100,
      logger,
      versioned: true,
    });
    const state = new WarmState(await StateFile.open(statePath, logger), cache, origin);
    closing.push(
      () => origin.close(),
      () => manager.close(),
      () => cache.close(),
    );
    origin.watch();
    await state.load();
    const changedAt = () => statSync(statePath, { throwIfNoEntry: false })?.ctimeMs;
    vi.advanceTimersByTime(SAVE_EVERY_MS);
    await expect.poll(changedAt).toBeTypeOf('number');
    const empty = readFileSync(statePath);

    await manager.read(pathToFileURL(file).href);
    vi.advanceTimersByTime(SAVE_EVERY_MS - 1);
    const before = changedAt();
    vi.advanceTimersByTime(1);
    await expect.poll(changedAt).not.toBe(before);
    expect(readFileSync(statePath).length).toBeGreaterThan(empty.length);

    const saved = changedAt();
    vi.advanceTimersByTime(10 * SAVE_EVERY_MS);
    await state.end();
    expect(changedAt()).toBe(saved);
    await manager.read(pathToFileURL(file).href);
    manager.clear();
    vi.advanceTimersByTime(SAVE_EVERY_MS);
    expect(changedAt()).toBe(saved);
    expect(vi.getTimerCount()).toBe(0);
  });
});
