import { spawnSync } from 'node:child_process';

import { runTool } from './command.mjs';
import { SetupError } from './report.mjs';

const HOW =
  'Get it with, on Debian or Ubuntu: sudo apt-get install redis-server, on Fedora: sudo dnf install redis,\n' +
  'on Alpine: apk add redis, on macOS: brew install redis';

export function redisIsInstalled() {
  return runs('redis-server');
}

/** Throws, saying what to install, unless this process may install it. */
export function checkRedis() {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && runs('apt-get')) return;
  throw new SetupError(
    'Redis is missing: redis-server is not on the PATH or does not run, and this needs a server of its own.\n' +
      HOW,
  );
}

/** Its service is not started: whoever needs a Redis starts one on a free port. */
export async function installRedis(root) {
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args) => runTool(root, 'apt-get', ['--quiet=2', '--yes', ...args], env);
  await apt('update');
  await apt('install', '--no-install-recommends', 'redis-server');
  if (!redisIsInstalled()) {
    throw new SetupError(`apt-get has installed Redis, and redis-server does not run.\n${HOW}`);
  }
}

function runs(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
