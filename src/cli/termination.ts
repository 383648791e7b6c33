const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Listens to the signals that ask the process to end. The first resolves `requested`; a second ends
 * the process at once, with the exit code that a shell gives to what a signal has ended.
 */
export class Termination {
  readonly requested: Promise<NodeJS.Signals>;

  constructor() {
    this.requested = new Promise((resolve) => {
      let isRequested = false;
      for (const [name, number] of Object.entries(SIGNALS)) {
        const signal = name as keyof typeof SIGNALS;
        process.on(signal, () => {
          if (isRequested) process.exit(128 + number);
          isRequested = true;
          resolve(signal);
        });
      }
    });
  }
}
