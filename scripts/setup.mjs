// The one way into every npm script: sets up what is stale, then runs a command.
//
//   node scripts/setup.mjs [step…] [-- command argument…]
//
// This file must parse on any Node that knows .mjs at all, so that a Node that is too old is told
// so in words; everything newer than ES2018 lives in setup/, which is imported after the check.

import { readFileSync } from 'fs';
import { fileURLToPath } from 'url';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const needed = /\d+\.\d+/.exec(manifest.engines.node)[0];
const actual = process.versions.node;

const [neededMajor, neededMinor] = needed.split('.').map(Number);
const [major, minor] = actual.split('.').map(Number);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  console.error(
    `set-up: Node ${actual} is too old, this package needs Node ${needed} or newer.\n` +
      '        Get it from https://nodejs.org/en/download, or by a version manager: nvm install 24',
  );
  process.exitCode = 1;
} else {
  void import('./setup/main.mjs').then((setup) => setup.main(root, process.argv.slice(2)));
}
