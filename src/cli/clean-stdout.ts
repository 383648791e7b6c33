import { Console } from 'node:console';

import type { Logger } from '../logger.ts';

/** Nothing but protocol may stand there, whatever a dependency or Node itself wants to say. */
export function keepStdoutClean(logger: Logger): void {
  globalThis.console = new Console(process.stderr, process.stderr);
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => logger.warn(message, { name }));
}
