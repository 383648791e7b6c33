import { runCommand } from './command.mjs';
import { acquireLock } from './lock.mjs';
import { SetupError, report } from './report.mjs';
import { ALIASES, STEPS } from './steps.mjs';

/**
 * Runs the stale ones among the steps named in `args`, each after what it needs, then the command
 * behind `--`, whose exit code becomes this process's.
 */
export async function main(root, args) {
  const dashes = args.indexOf('--');
  const names = dashes === -1 ? args : args.slice(0, dashes);
  const command = dashes === -1 ? [] : args.slice(dashes + 1);
  try {
    await setUp(root, order(names));
    if (command.length > 0) await runCommand(root, command);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    report(error.message);
    process.exitCode = 1;
  }
}

/** The steps named, with what they need before them, each once. */
function order(names) {
  const ordered = new Map();
  const visit = (name) => {
    const expanded = ALIASES[name];
    if (expanded !== undefined) {
      for (const part of expanded) visit(part);
      return;
    }
    const step = STEPS[name];
    if (step === undefined) {
      const known = [...Object.keys(ALIASES), ...Object.keys(STEPS)].join(', ');
      throw new SetupError(`no step is called ${JSON.stringify(name)}; there are ${known}.`);
    }
    for (const need of step.needs ?? []) visit(need);
    ordered.set(name, step);
  };
  for (const name of names) visit(name);
  return [...ordered.values()];
}

async function setUp(root, steps) {
  for (const step of steps) step.verify?.(root);
  const stale = steps.filter((step) => step.isStale(root));
  // Whoever finds everything fresh takes no lock, so that scripts which call scripts stay quick.
  if (stale.length === 0) return;
  // What is missing on this machine is told before the first minute is spent.
  for (const step of stale) step.check?.(root);
  const release = await acquireLock(root);
  try {
    for (const step of steps) {
      // Looked at again under the lock: whoever held it before may have done the work, and an
      // earlier step may have changed what a later one reads.
      if (!step.isStale(root)) continue;
      const start = performance.now();
      report(`${step.doing} …`);
      await step.run(root);
      report(`${step.done} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
  } finally {
    release();
  }
}
