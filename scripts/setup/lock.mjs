import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { report } from './report.mjs';

const POLL_MS = 100;
/** Nobody alive needs as long to write an id, or to take over. */
const HALF_DONE_MS = 2_000;

/**
 * Waits until no other set-up of this folder works.
 *
 * The lock is a file that holds the id of its process. That of a process which is gone is taken
 * over under a second file, so that two who wait cannot both remove it, the later one removing the
 * lock that the earlier has just made. Either file may also be left half-done, by a kill or a full
 * disk: its age tells.
 */
export async function acquireLock(root) {
  const folder = path.join(root, '.setup');
  const lock = path.join(folder, 'lock');
  const takeover = path.join(folder, 'lock-takeover');
  mkdirSync(folder, { recursive: true });
  let told = false;
  while (!create(lock)) {
    const holder = holderOf(lock);
    const isAbandoned = holder === undefined ? isOld(lock) : !isAlive(holder);
    if (isAbandoned) {
      if (create(takeover)) {
        if (holderOf(lock) === holder) rmSync(lock, { force: true });
        rmSync(takeover, { force: true });
        continue;
      }
      if (isOld(takeover)) rmSync(takeover, { force: true });
    } else if (!told && holder !== undefined) {
      report(`waiting for the set-up of process ${holder} (if it is none, remove .setup/lock)`);
      told = true;
    }
    await delay(POLL_MS);
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  return () => {
    process.off('exit', release);
    release();
  };
}

function create(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** @returns `undefined` while the file is not there or not yet written */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isOld(file) {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Date.now() - made > HALF_DONE_MS;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
