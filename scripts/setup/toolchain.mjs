import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { SetupError } from './report.mjs';

/** Throws, saying what to install, unless Rust is there and new enough and can link. */
export function checkRust(root) {
  const needed = /^rust-version = "(.+)"$/m.exec(
    readFileSync(path.join(root, 'Cargo.toml'), 'utf8'),
  )[1];
  const how = `Get Rust ${needed} or newer from https://rustup.rs (with rustup: rustup update stable).`;
  const rustc = firstLineOf('rustc', ['--version']);
  const cargo = firstLineOf('cargo', ['--version']);
  if (rustc === undefined || cargo === undefined) {
    const missing = rustc === undefined ? 'rustc' : 'cargo';
    throw new SetupError(
      `Rust is missing: ${missing} is not on the PATH, and the native addon is built with it.\n` +
        `${how}\nIf it is installed already, open a new terminal or add ~/.cargo/bin to the PATH.`,
    );
  }
  const actual = /^rustc (\d+)\.(\d+)/.exec(rustc);
  const [neededMajor, neededMinor] = needed.split('.').map(Number);
  const tooOld =
    actual !== null &&
    (Number(actual[1]) < neededMajor ||
      (Number(actual[1]) === neededMajor && Number(actual[2]) < neededMinor));
  if (tooOld) throw new SetupError(`Rust is too old (${rustc}).\n${how}`);
  checkLinker();
}

/** rustc links with `cc` unless it is told otherwise; on Windows it finds the MSVC linker itself. */
function checkLinker() {
  const configured = Object.keys(process.env).some((name) => /^CARGO_TARGET_.+_LINKER$/.test(name));
  if (process.platform === 'win32' || configured) return;
  if (firstLineOf('cc', ['--version']) !== undefined) return;
  const how =
    process.platform === 'darwin'
      ? 'Get it with: xcode-select --install'
      : 'Get it with, on Debian or Ubuntu: apt-get install build-essential, on Fedora: dnf install gcc,\n' +
        'on Alpine: apk add build-base';
  throw new SetupError(
    `a C linker is missing: cc is not on the PATH or does not run, and Rust links with it.\n${how}`,
  );
}

/** @returns `undefined` where the program is missing or fails */
function firstLineOf(program, args) {
  const result = spawnSync(program, args, { encoding: 'utf8' });
  if (result.error !== undefined || result.status !== 0) return undefined;
  return result.stdout.split('\n', 1)[0];
}
