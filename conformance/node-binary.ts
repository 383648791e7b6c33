import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Kept between runs: a version is fetched once. */
const FOLDER = path.join(tmpdir(), 'granary-node-versions');

/**
 * The binary of a major version of Node, out of the npm package `node`, which is installed unless it
 * is there.
 *
 * @throws (rejects with) what npm said
 */
export async function nodeBinary(major: string): Promise<string> {
  const prefix = path.join(FOLDER, major);
  const binary = path.join(prefix, 'node_modules/node/bin/node');
  if (existsSync(binary)) return binary;
  mkdirSync(prefix, { recursive: true });
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|npm_)/.test(name)),
  );
  const npm = spawn(
    'npm',
    [
      ...['install', `node@${major}`, '--prefix', prefix],
      ...['--no-audit', '--no-fund', '--no-save', '--foreground-scripts'],
    ],
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  npm.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(npm, 'close')) as [number | null];
  if (code !== 0 || !existsSync(binary)) {
    throw new Error(`Node ${major} cannot be had from the npm package "node":\n${stderr}`);
  }
  return binary;
}
