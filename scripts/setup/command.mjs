import { spawn } from 'node:child_process';
import path from 'node:path';

import { SetupError } from './report.mjs';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Runs a program of a step; its output goes to stderr. Throws unless it ends with code 0. */
export async function runTool(root, program, args, env = {}) {
  const end = await run(root, program, args, ['ignore', 2, 2], env);
  if (end.signal !== null) await endBy(end.signal);
  if (end.code !== 0) {
    throw new SetupError(`${[program, ...args].join(' ')} failed (code ${end.code}).`);
  }
}

/** Runs the command that set-up was for, and ends as it ended. */
export async function runCommand(root, [program, ...args]) {
  const end = await run(root, program, args, 'inherit');
  if (end.signal !== null) await endBy(end.signal);
  process.exitCode = end.code;
}

function run(root, program, args, stdio, env = {}) {
  const bin = path.join(root, 'node_modules', '.bin');
  const searchPath = `${bin}${path.delimiter}${process.env.PATH ?? ''}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program === 'node' ? process.execPath : program, args, {
      stdio,
      env: { ...process.env, ...env, PATH: searchPath },
      // Windows starts .cmd files by a shell only; Node itself needs none.
      shell: process.platform === 'win32' && program !== 'node',
    });
    const forward = (signal) => {
      // A terminal has sent ^C to the whole group already; a second one would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const settle = (outcome, value) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      outcome(value);
    };
    child.once('error', (error) => {
      settle(reject, new SetupError(`${program} does not start: ${error.message}`));
    });
    child.once('exit', (code, signal) => settle(resolve, { code, signal }));
  });
}

/** Ends this process by the signal that ended its child, so that callers see the same. */
function endBy(signal) {
  process.kill(process.pid, signal);
  // Delivery is asynchronous; nothing else may run until then.
  return new Promise(() => setInterval(() => {}, 1000));
}
