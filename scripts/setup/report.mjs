/** What went wrong, in words that say what to do; shown without a stack. */
export class SetupError extends Error {}

/** Progress goes to stderr: stdout belongs to the command after set-up. */
export function report(message) {
  process.stderr.write(`set-up: ${message.replaceAll('\n', '\n        ')}\n`);
}
